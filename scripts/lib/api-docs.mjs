// What the npm package's entries export, and what is said of each: read from the sources, which the
// declarations are made of, comment for comment.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { at } from "./paths.mjs";

const source = (file) => readFileSync(file, "utf8");
const sources = at("core", "js", "src");

/** The entries' own files, by the package's exports. */
export function entryFiles() {
  const { exports } = JSON.parse(source(at("core", "js", "package.json")));
  return Object.entries(exports).filter(([, file]) => /^\.\/lib\/.*\.js$/u.test(file) && !file.endsWith("scanner-worker.js"))
    .map(([entry, file]) => ({ entry: entry.replace(/^\./u, "pannier"), file: join(sources, file.replace("./lib/", "").replace(/\.js$/u, ".ts")) }));
}

/** The comment that ends right before this place; decorators may stand between. */
function commentBefore(text, place) {
  const before = text.slice(0, place).replace(/(?:@\w+\([^)]*\)\s*)+$/u, "").trimEnd();
  return before.endsWith("*/") ? before.slice(before.lastIndexOf("/**")) : "";
}

const declaration = (name) => new RegExp(`^export (?:declare )?(?:abstract )?(async function|function|class|const|interface|type) ${name}\\b`, "mu");

/** Where a name that a file exports is written down: { file, kind, said }. */
function found(file, name) {
  const text = source(file);
  const own = declaration(name).exec(text);
  if (own) return { file, kind: own[1].replace("async ", ""), said: commentBefore(text, own.index) };
  for (const [, names, from] of text.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)"/gmu)) {
    const entry = names.split(",").map((one) => one.trim().replace(/^type /u, "")).find((one) => one.split(" as ").at(-1) === name);
    if (entry) return found(join(dirname(file), from.replace(/\.js$/u, ".ts")), entry.split(" as ")[0]);
  }
  // Imported, then exported.
  for (const [, names, from] of text.matchAll(/^import (?:type )?\{([^}]*)\} from "(\.[^"]+)"/gmu)) {
    if (names.split(",").some((one) => one.trim() === name)) return found(join(dirname(file), from.replace(/\.js$/u, ".ts")), name);
  }
  for (const [, from] of text.matchAll(/^export (?:type )?\* from "([^"]+)"/gmu)) {
    const there = found(join(dirname(file), from.replace(/\.js$/u, ".ts")), name);
    if (there) return there;
  }
  return undefined;
}

/** Every name that an entry exports. */
function names(file) {
  const text = source(file);
  const out = [...text.matchAll(/^export (?:declare )?(?:abstract )?(?:async )?(?:function|class|const|interface|type) (\w+)/gmu)].map(([, name]) => name);
  for (const [, list] of text.matchAll(/^export (?:type )?\{([^}]*)\}/gmu)) {
    out.push(...list.split(",").map((one) => one.trim().replace(/^type /u, "").split(" as ").at(-1)).filter(Boolean));
  }
  for (const [, from] of text.matchAll(/^export (?:type )?\* from "([^"]+)"/gmu)) out.push(...names(join(dirname(file), from.replace(/\.js$/u, ".ts"))));
  return out;
}

/** Everything that is exported: { entry, name, kind, said }. */
export const exported = () => entryFiles().flatMap(({ entry, file }) => [...new Set(names(file))].map((name) => {
  const there = found(file, name);
  if (!there) throw new Error(`${entry}: where is ${name}?`);
  return { entry, name, ...there };
}));

/** The members of an interface or type, with what is said of each: { name, said, call }. */
export function members(file, name) {
  const text = source(file);
  const start = text.indexOf("{", declaration(name).exec(text).index);
  const body = text.slice(start + 1, text.indexOf("\n}", start));
  return [...body.matchAll(/^ {2}(\w+)\??(\(|:)/gmu)].map((match) => ({ name: match[1], call: match[2] === "(", said: commentBefore(body, match.index) }));
}

/** A name that stands for a quantity, by how it ends or as a whole. */
const QUANTITY = /(?:Ms|Seconds|Minutes|Hours|Days|At|Since|Until|Bytes|Km|M|Percent|Width|Height|Side)$|^(?:at|since|until|from|to|bytes\w*|usage|quota|minutes|width|height|lat|lon|quality|sharpness|exposure)$/u;

/**
 * The numbers in exported interfaces, types and classes that stand for a quantity: { file, type, name, said }. What is said of a
 * number within a member's or a parameter's own type stands before that member; what is said of the type counts for all of it.
 */
export function quantities() {
  const seen = new Set();
  return exported().flatMap(({ file, name: type, kind }) => {
    if (kind === "const" || kind === "function" || seen.has(`${file} ${type}`)) return [];
    seen.add(`${file} ${type}`);
    const text = source(file);
    const { index } = declaration(type).exec(text);
    const rest = text.slice(index);
    const end = /^(?:\}|\S.*;$)/mu.exec(rest.slice(1));
    const body = rest.slice(0, end ? end.index + 1 + end[0].length : undefined);
    // What a class takes over from an interface is said there.
    if (/ implements /u.test(body.split("\n", 1)[0])) return [];
    const about = commentBefore(text, index);
    return [...body.matchAll(/(?<=[\s{(,])(\w+)\??: (?:readonly )?number\b/gu)].filter(({ 1: name, index: place }) => QUANTITY.test(name) && !/^\s*#|\b(?:private|protected)\b/u.test(body.slice(body.lastIndexOf("\n", place) + 1, place)))
      .map(({ 1: name, index: place }) => ({ file, type, name, said: `${about} ${commentBefore(body, place) || commentBefore(body, body.lastIndexOf("\n", place) + 1)}` }));
  });
}
