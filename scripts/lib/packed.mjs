// The npm package as `npm pack` gives it: the archive, and unpacked beside nothing else of this
// project.

import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at } from "./paths.mjs";
import { Failure, must } from "./run.mjs";

/** Gives the archive in a room of its own, and how to remove that. The package has to be built. */
export async function archive() {
  const room = mkdtempSync(join(tmpdir(), "pannier-packed-"));
  const remove = () => rmSync(room, { recursive: true, force: true });
  try {
    await must("npm", ["pack", "--silent", "--pack-destination", room], { cwd: at("core", "js"), quiet: true });
    const [name] = readdirSync(room);
    return { room, file: join(room, name), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Gives the unpacked folder, and how to remove it. */
export async function packed() {
  const { room, file, remove } = await archive();
  try {
    await must("tar", ["-xzf", file, "-C", room], { quiet: true });
    const folder = join(room, "package");
    const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    // npm does this when it installs a package.
    for (const path of Object.values(bin ?? {})) chmodSync(join(folder, path), 0o755);
    if (!bin?.pannier) throw new Failure("the packed package has no command");
    return { folder, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
