// The rules that keep the house in order: text in, broken places out. A project is a map from
// path to text; `check` gives [{ file, line, text }]. tidy.test.mjs breaks each of them once.

import { createHash } from "node:crypto";
import { posix } from "node:path";
import { code, crateModules, imports, lineOf } from "./source-text.mjs";

const under = (project, folder, ...ends) => [...project].filter(([file]) => file.startsWith(`${folder}/`) && ends.some((end) => file.endsWith(end)));
const rust = { rust: true };

function* matches(text, pattern) {
  for (const match of text.matchAll(pattern)) yield { line: lineOf(text, match.index), what: match[0].trim() };
}

/** Places where the pattern stands in the code (not in comments or strings) of these Rust files. */
const inRust = (files, pattern, say) => files.flatMap(([file, text]) =>
  [...matches(code(text, rust), pattern)].map(({ line, what }) => ({ file, line, text: say(what) })));

/** A layer of core/src must not name these others. */
const layer = (name, forbidden) => ({
  name: `core/src/${name} knows nothing of ${forbidden.join(", ")}`,
  check: (project) => [...under(project, `core/src/${name}`, ".rs"), ...[...project].filter(([file]) => file === `core/src/${name}.rs`)]
    .flatMap(([file, text]) => crateModules(text).filter(({ module }) => forbidden.includes(module))
      .map(({ module, line }) => ({ file, line, text: `${name} uses ${module}: dependencies point inward only` }))),
});

const importing = (folder, allowed, say) => ({
  name: `${folder} imports only ${say}`,
  check: (project) => under(project, folder, ".ts").flatMap(([file, text]) => imports(text).filter(({ from }) => {
    if (from.startsWith(".")) return !posix.join(posix.dirname(file), from).startsWith(`${folder}/`);
    return !allowed.test(from);
  }).map(({ from, line }) => ({ file, line, text: `imports "${from}"` }))),
});

const WORKER_LINES_MAX = 150, CORE_FILE_LINES_MAX = 700;
const lines = (text) => text.replace(/\n$/, "").split("\n").length;

// Put together here so that this very file keeps the rule.
const hosts = new RegExp([
  ["registry", "npmjs", "org"], ["registry", "yarnpkg", "com"], ["crates", "io"], ["pypi", "org"], ["pythonhosted", "org"],
  ["deb", "debian", "org"], ["security", "debian", "org"], ["proxy", "golang", "org"], ["rubygems", "org"],
].map((parts) => parts.join("\\.")).map((host) => `\\b${host}\\b`).join("|"), "g");
const marks = new RegExp(`\\b(?:${["TO", "FIX"].map((start, index) => start + ["DO", "ME"][index]).join("|")})\\b|\\b${"to"}do!\\s*[([]`, "g");
const machinePath = new RegExp(`(?<![\\w./-])/${"work"}/`, "g");
// How Cargo.lock has to name where a crate is from; no address that anything here opens.
const cargoSource = new RegExp(`^source = "registry\\+https://github\\.com/rust-lang/${"crates"}\\.io-index"$`, "gm");

const budgets = "scripts/budgets.json";
/** Where README's table of sizes says another budget, or more than it, or nothing. */
function sizesTold(readme, { label, kb }) {
  const row = readme.split("\n").findIndex((line) => line.startsWith(`| ${label} |`));
  if (row < 0) return [{ line: 1, text: `has no size of ${label}` }];
  const [size, budget] = readme.split("\n")[row].split("|").slice(2, 4).map(Number.parseFloat);
  return budget === kb && size <= kb ? [] : [{ line: row + 1, text: `the budget of ${label} is ${kb} KB: what npm run size prints belongs here` }];
}

const binary = /\.(?:png|jpe?g|ico|webp|woff2?|wasm|y4m|db|gz)$/;
const texts = (project) => [...project].filter(([file]) => !binary.test(file));

const everywhere = (name, pattern, say, prepare = (_, text) => text) => ({
  name,
  check: (project) => texts(project).flatMap(([file, text]) => [...matches(prepare(file, text), pattern)].map(({ line, what }) => ({ file, line, text: say(what) }))),
});

/** Dependencies of a Cargo.toml: [{ name, line }]; the workspace's own crates are left out. */
function cargoDependencies(text) {
  const found = [];
  let inside = false;
  text.split("\n").forEach((line, index) => {
    const header = line.match(/^\s*\[+\s*([^\]]+?)\s*\]+/)?.[1];
    if (header !== undefined) {
      const table = header.match(/(?:^|\.)(?:dev-|build-)?dependencies(?:\.["']?([\w-]+)["']?)?$/);
      inside = table !== null && table[1] === undefined;
      if (table?.[1]) found.push({ name: table[1], line: index + 1 });
      return;
    }
    const name = inside && line.match(/^\s*["']?([\w-]+)["']?\s*(?:\.\s*\w+\s*)?=/)?.[1];
    if (name) found.push({ name: line.match(/\bpackage\s*=\s*"([^"]+)"/)?.[1] ?? name, line: index + 1 });
  });
  return found.filter(({ name }) => !/^pannier\b/.test(name));
}

function npmDependencies(text) {
  const manifest = JSON.parse(text);
  return ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"].flatMap((field) => Object.keys(manifest[field] ?? {}))
    .filter((name) => !/^pannier\b/.test(name))
    .map((name) => ({ name, line: lineOf(text, text.indexOf(`"${name}"`)) }));
}

function directDependencies(project) {
  return texts(project).flatMap(([file, text]) => {
    const base = posix.basename(file);
    if (base === "Cargo.toml") return cargoDependencies(text).map((one) => ({ ...one, file }));
    if (base === "package.json" && !file.includes("node_modules")) return npmDependencies(text).map((one) => ({ ...one, file }));
    return [];
  });
}

/** Optional packages that the lock file leaves out: another machine's `npm ci` refuses such a file. */
function unlocked(text) {
  const { packages } = JSON.parse(text);
  return Object.entries(packages ?? {}).flatMap(([path, { optionalDependencies }]) => Object.keys(optionalDependencies ?? {}).filter((name) => {
    for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
      if (packages[`${folder ? `${folder}/` : ""}node_modules/${name}`]) return false;
      if (!folder) return true;
    }
  }).map((name) => ({ name, line: lineOf(text, text.indexOf(`"${path}"`)) })));
}

const decisions = "docs/decisions/dependencies.md";

/** Names in backticks in the first cell of each table row, with their lines. */
function explained(text) {
  return text.split("\n").flatMap((row, index) => {
    const cell = row.match(/^\s*\|([^|]*)\|/)?.[1] ?? "";
    return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => ({ name, line: index + 1 }));
  });
}

export const revisions = "scripts/profile-revisions.json";

/** The same for the same document, however it is laid out; without its revision. */
function digest(document) {
  const ordered = (value) => (Array.isArray(value) ? value.map(ordered)
    : value && typeof value === "object" ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, ordered(value[key])])) : value);
  return createHash("sha256").update(JSON.stringify(ordered({ ...document, revision: undefined }))).digest("hex");
}

/** The profiles that ship: [{ file, line, revision, digest }]. */
export const shippedProfiles = (project) => [...project].filter(([file]) => /^profiles\/[\w-]+\.json$/.test(file) && !file.endsWith(".schema.json")).map(([file, text]) => {
  const document = JSON.parse(text);
  return { file, line: lineOf(text, text.indexOf(`"revision"`)), revision: document.revision, digest: digest(document) };
});

export const rules = [
  {
    name: "the core is pure: no browser, no async runtime",
    check: (project) => inRust(under(project, "core/src", ".rs"), /\b(?:wasm_bindgen\w*|js_sys|web_sys|JsValue|tokio|gloo_\w+)\b/g, (what) => `${what} in the core: it belongs to core/wasm`),
  },
  layer("domain", ["engine", "profile", "ports", "testing"]),
  layer("engine", ["ports"]),
  layer("profile", ["ports", "engine"]),
  {
    name: "the scanner knows nothing of the workspace",
    check: (project) => [
      ...[...project].filter(([file]) => file === "core/scan/Cargo.toml").flatMap(([file, text]) =>
        [...matches(text, /^\s*pannier[\w-]*\s*(?:\.\s*\w+\s*)?=.*|^\s*\[.*dependencies\.pannier[\w-]*\].*|\bpath\s*=\s*"\.\.[^"]*"/gm)].map(({ line, what }) => ({ file, line, text: `depends on the workspace: ${what}` }))),
      ...inRust(under(project, "core/scan", ".rs"), /\bpannier(?!_scan)(?:_\w+)?::/g, (what) => `uses ${what}`),
    ],
  },
  {
    name: "the checker does nothing but read and say",
    check: (project) => inRust(under(project, "check/src", ".rs"), /\bstd::(?:fs|io|net|env|thread|time|process)\b|\be?println!/g, (what) => `${what} in the checker: what touches the world belongs to cli`),
  },
  importing("web", /^(?:pannier|pannier\/elements|pannier\/export|pannier\/texts(?:\/sv\.js)?|lit|lit\/.+)$/, "pannier, pannier/elements, pannier/export, pannier/texts, lit and its own files"),
  importing("selfcheck", /^(?:pannier|pannier\/scanner|lit|lit\/.+|qrcode)$/, "pannier, pannier/scanner, lit, qrcode and its own files"),
  importing("service-worker", /^(?:pannier\/service-worker|pannier\/texts(?:\/sv\.js)?|workbox-[\w-]+(?:\/.+)?)$/, "pannier/service-worker, pannier/texts, workbox and its own files"),
  {
    name: `the service worker's own script stays under ${WORKER_LINES_MAX} lines`,
    check: (project) => {
      const files = under(project, "service-worker", ".ts", ".js", ".mjs");
      const total = files.reduce((sum, [, text]) => sum + lines(text), 0);
      return total < WORKER_LINES_MAX ? [] : files.slice(0, 1).map(([file, text]) => ({ file, line: lines(text), text: `${total} lines in service-worker: what decides belongs to the core` }));
    },
  },
  {
    name: "unsafe only where the browser is bound",
    check: (project) => inRust([...project].filter(([file]) => file.endsWith(".rs") && !/^core\/(?:wasm|scan-wasm)\//.test(file)), /\bunsafe\b/g, () => "unsafe outside core/wasm and core/scan-wasm"),
  },
  {
    name: `no file of the core is longer than ${CORE_FILE_LINES_MAX} lines`,
    check: (project) => under(project, "core/src", ".rs").filter(([, text]) => lines(text) > CORE_FILE_LINES_MAX)
      .map(([file, text]) => ({ file, line: CORE_FILE_LINES_MAX + 1, text: `${lines(text)} lines: split by what changes for the same reason` })),
  },
  everywhere("no registry is named", hosts, (what) => `names a registry: ${what}`, (file, text) => (file === "Cargo.lock" ? text.replace(cargoSource, "source") : text)),
  {
    name: "package-lock.json works with every registry",
    check: (project) => [...project].filter(([file]) => file.endsWith("package-lock.json")).flatMap(([file, text]) =>
      [...matches(text, /"resolved":\s*"\w+:[^"]*"/g)].map(({ line, what }) => ({ file, line, text: `${what}: run npm install with omit-lockfile-registry-resolved` }))),
  },
  {
    name: "package-lock.json is whole",
    check: (project) => [...project].filter(([file]) => file.endsWith("package-lock.json")).flatMap(([file, text]) =>
      unlocked(text).map(({ line, name }) => ({ file, line, text: `${name} is optional and not locked: the registry does not serve this version; pin an older one in package.json's overrides` }))),
  },
  {
    name: "a profile that changes gets a new revision",
    check: (project) => {
      const known = JSON.parse(project.get(revisions) ?? "{}");
      return shippedProfiles(project).filter(({ file, revision, digest: is }) => known[file]?.[revision] !== is)
        .map(({ file, line, revision }) => ({ file, line, text: known[file]?.[revision]
          ? `not what revision ${revision} was: phones know a document by it. Give it a new one, then PANNIER_WRITE=1 node --test scripts/profiles.test.mjs`
          : `revision ${revision} is not in ${revisions}: PANNIER_WRITE=1 node --test scripts/profiles.test.mjs` }));
    },
  },
  {
    name: "README tells the budgets as they are",
    check: (project) => Object.values(JSON.parse(project.get(budgets) ?? "{}").budgets ?? {})
      .flatMap((budget) => sizesTold(project.get("README.md") ?? "", budget).map((told) => ({ file: "README.md", ...told }))),
  },
  everywhere("no path of one machine", machinePath, () => "a path that only one machine has"),
  everywhere("nothing is left for later in the sources", marks, (what) => `${what}: do it, or open an issue`, (file, text) => (/\.(?:rs|ts|mjs|js|html|css|toml|sh|md)$/.test(file) ? text : "")),
  {
    name: "every direct dependency has its reason",
    check: (project) => {
      const known = new Set(explained(project.get(decisions) ?? "").map(({ name }) => name));
      const said = new Set();
      return directDependencies(project).filter(({ name }) => !known.has(name) && !said.has(name) && said.add(name))
        .map(({ file, line, name }) => ({ file, line, text: `${name} has no line in ${decisions}` }));
    },
  },
  {
    name: "no reason outlives its dependency",
    check: (project) => {
      const used = new Set(directDependencies(project).map(({ name }) => name));
      return explained(project.get(decisions) ?? "").filter(({ name }) => !used.has(name))
        .map(({ name, line }) => ({ file: decisions, line, text: `${name} is no direct dependency any more` }));
    },
  },
];

/** Every rule with the places that break it. */
export const judge = (project) => rules.map(({ name, check }) => ({ name, broken: check(project) }));
