// Where things are. Everything the menu writes is git-ignored: dist, .cache, target, core/js/wasm, core/js/lib.

import { fileURLToPath } from "node:url";
import { homedir } from "node:os";
import { join } from "node:path";

export const root = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");
export const at = (...parts) => join(root, ...parts);

export const dist = at("dist");
export const cache = at(".cache");
/** Tools that must not overwrite the person's own, because another project needs another version. */
export const tools = at(".cache", "tools");
export const results = at("test-results");
export const cargoBin = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "bin");
