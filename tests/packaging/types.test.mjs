// The packed package as a compiler of somebody else's sees it: strictly, with nothing skipped.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { endOfPacking, project } from "./lib/project.mjs";

const strict = { target: "ES2022", strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true, skipLibCheck: false, types: [] };
const config = (options, ...files) => JSON.stringify({ compilerOptions: { ...strict, ...options }, files });
const dom = { lib: ["ES2022", "DOM", "DOM.Iterable"] };
const page = `
import * as pannier from "pannier";
import * as elements from "pannier/elements";
import * as scanner from "pannier/scanner";
import * as exporting from "pannier/export";
import * as oidc from "pannier/oidc";
// An \`any\` would swallow both.
const refused = async (): Promise<number> => {
  const client = await pannier.openPannier();
  // @ts-expect-error a text is no number
  const amount: number = (await client.status()).said;
  // @ts-expect-error there is no such kind
  await client.record({ kind: "teleport" });
  document.querySelector("pannier-scanner")?.addEventListener("pannier-code", ({ detail }) => detail.source satisfies "camera" | "wedge" | "typed");
  return amount;
};
export { elements, exporting, oidc, refused, scanner };
`;

let app;

before(async () => {
  app = await project({
    files: {
      "page.ts": page,
      "worker.ts": `import { attachPannier } from "pannier/service-worker"; attachPannier(self as unknown as ServiceWorkerGlobalScope, { wasm: () => "/core.wasm" });`,
      "bundler.json": config({ ...dom, module: "ESNext", moduleResolution: "bundler" }, "page.ts"),
      "node.json": config({ ...dom, module: "NodeNext" }, "page.ts"),
      "worker.json": config({ lib: ["ES2022", "WebWorker"], module: "ESNext", moduleResolution: "bundler" }, "worker.ts"),
    },
  });
});

after(async () => {
  app?.remove();
  await endOfPacking();
});

for (const name of ["bundler", "node", "worker"]) {
  test(`the types hold in a strict project (${name}.json)`, () => app.run("typescript/bin/tsc", "-p", `${name}.json`));
}

const shipped = () => readdirSync(join(app.folder, "node_modules", "pannier", "lib"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));

test("no any in the types", () => {
  for (const file of shipped().filter((path) => path.endsWith(".d.ts"))) {
    const code = readFileSync(file, "utf8").replace(/\/\*.*?\*\/|\/\/.*$/gms, "");
    assert.doesNotMatch(code, /\bany\b/, file);
  }
});

test("every export says what it is for", () => {
  for (const file of shipped().filter((path) => path.endsWith(".d.ts"))) {
    const lines = readFileSync(file, "utf8").split("\n");
    lines.forEach((line, index) => {
      if (!/^export (?:declare )?(?:abstract )?(?:class|const|function|interface|type) \w/.test(line)) return;
      assert.match(lines[index - 1] ?? "", /\*\/\s*$/, `${file}:${index + 1}: ${line}`);
    });
  }
});

test("every map names sources that are in the package", () => {
  const maps = shipped().filter((path) => path.endsWith(".map"));
  assert.ok(maps.length > 20);
  for (const map of maps) {
    const { sources, sourceRoot = "" } = JSON.parse(readFileSync(map, "utf8"));
    for (const source of sources) {
      // The scanner's worker holds wasm-bindgen's glue, which is a source of its own.
      assert.ok(existsSync(join(dirname(map), sourceRoot, source)), `${map}: ${source}`);
    }
  }
});

test("every script and every type has its map", () => {
  const files = new Set(shipped());
  for (const file of files) if (/\.(?:js|d\.ts)$/.test(file)) assert.ok(files.has(`${file}.map`), file);
});
