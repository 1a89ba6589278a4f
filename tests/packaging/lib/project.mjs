// An empty project somewhere else, with the packed package installed into it as npm does it.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { at } from "../../../scripts/lib/paths.mjs";
import { archive } from "../../../scripts/lib/packed.mjs";
import { must } from "../../../scripts/lib/run.mjs";

let packing;

/**
 * Gives the project's folder. `files`: path to text; `tools`: packages that the workspace has
 * installed and the project needs while it is built.
 */
export async function project({ files, tools = [] }) {
  packing ??= archive();
  const { file } = await packing;
  const folder = mkdtempSync(join(tmpdir(), "pannier-project-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "somebodys-app", private: true, type: "module" }));
    await must("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error", file], { cwd: folder, quiet: true });
    for (const tool of tools) {
      const place = join(folder, "node_modules", tool);
      mkdirSync(dirname(place), { recursive: true });
      symlinkSync(at("node_modules", tool), place);
    }
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const node = (...args) => must("node", args, { cwd: folder, quiet: true });
    return { folder, remove, node, run: (program, ...args) => node(at("node_modules", program), ...args) };
  } catch (error) {
    remove();
    throw error;
  }
}

export async function endOfPacking() {
  const { remove } = await (packing ?? { remove() {} });
  remove();
}
