// Source text with what is not code blanked out, line for line, so that a rule about code is not
// broken by a comment that explains it.

const blankOut = (text) => text.replace(/[^\n]/g, " ");

/** Blanks comments, and with `strings: true` also what is inside quotes. Knows Rust and TypeScript well enough for a rule. */
export function code(text, { rust = false, strings = rust } = {}) {
  let out = "", at = 0;
  const take = (length, keep) => {
    const part = text.slice(at, at + length);
    out += keep ? part : blankOut(part);
    at += length;
  };
  while (at < text.length) {
    const rest = text.slice(at, at + 300);
    if (rest.startsWith("//")) {
      const end = text.indexOf("\n", at);
      take((end < 0 ? text.length : end) - at, false);
    } else if (rest.startsWith("/*")) {
      let depth = 1, end = at + 2;
      while (end < text.length && depth > 0) {
        if (rust && text.startsWith("/*", end)) { depth += 1; end += 2; } else if (text.startsWith("*/", end)) { depth -= 1; end += 2; } else end += 1;
      }
      take(end - at, false);
    } else if (rust && /^b?r#*"/.test(rest) && !/\w/.test(text[at - 1] ?? "")) {
      const hashes = rest.match(/^b?r(#*)"/)[1];
      const close = text.indexOf(`"${hashes}`, at + rest.indexOf('"') + 1);
      take((close < 0 ? text.length : close + 1 + hashes.length) - at, !strings);
    } else if (rust && /^'(?:\\(?:u\{[^}]*\}|.)|[^'\\\n])'/.test(rest)) {
      take(rest.match(/^'(?:\\(?:u\{[^}]*\}|[^u])[^']*|[^'\\\n])'/)?.[0].length ?? 3, !strings);
    } else if (text[at] === '"' || (!rust && (text[at] === "'" || text[at] === "`"))) {
      const quote = text[at];
      let end = at + 1;
      // A quote in a regular expression would open a string that never closes: a line ends it.
      while (end < text.length && text[end] !== quote && (rust || quote === "`" || text[end] !== "\n")) end += text[end] === "\\" ? 2 : 1;
      take(Math.min(end + 1, text.length) - at, !strings);
    } else {
      take(1, true);
    }
  }
  return out;
}

export const lineOf = (text, index) => text.slice(0, index).split("\n").length;

/** What a TypeScript module imports: [{ from, line }]. */
export function imports(text) {
  const clean = code(text);
  const found = [];
  for (const pattern of [/\bfrom\s*["']([^"'\n]+)["']/g, /\bimport\s*\(\s*["']([^"'\n]+)["']/g, /\bimport\s*["']([^"'\n]+)["']/g]) {
    for (const match of clean.matchAll(pattern)) found.push({ from: match[1], line: lineOf(clean, match.index) });
  }
  return found;
}

/** The modules of its own crate that Rust text names: [{ module, line }], also those in `use crate::{a, b::c}`. */
export function crateModules(text) {
  const clean = code(text, { rust: true });
  const found = [];
  for (const match of clean.matchAll(/\b(?:crate|super(?:::super)+)::(\{|\w+)/g)) {
    if (match[1] !== "{") { found.push({ module: match[1], line: lineOf(clean, match.index) }); continue; }
    let depth = 0, start = true;
    for (let index = match.index + match[0].length - 1; index < clean.length; index += 1) {
      const char = clean[index];
      if (char === "{") { depth += 1; start = depth === 1; } else if (char === "}") { depth -= 1; if (depth === 0) break; } else if (char === "," && depth === 1) start = true;
      else if (start && depth === 1 && /\w/.test(char)) {
        found.push({ module: clean.slice(index).match(/^\w+/)[0], line: lineOf(clean, index) });
        start = false;
      }
    }
  }
  return found;
}
