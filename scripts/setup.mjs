// Makes sure that the tools are there: says what is missing, what it does about it, and how long
// that took. Silent and quick when nothing is missing. Uses only what Node itself brings, because
// it runs before node_modules exists.
//
// The contract suites use wasm-bindgen-test-runner, which comes with wasm-bindgen-cli, in all three
// browsers. `wasm-pack test` would start the same runner but knows no WebKit driver and fetches a
// tool of its own; one way for three browsers is one way to repair.

import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import * as browsers from "./lib/browsers.mjs";
import { minimumRust, wasmBindgenVersion, wasmTarget } from "./lib/cargo.mjs";
import { at, cargoBin, tools } from "./lib/paths.mjs";
import { canMakeEnvironments, findPocketBase, installPocketBase, pocketBaseMissing, pocketBaseVersion } from "./lib/pocketbase.mjs";
import { Failure, isMain, main, must, options, run, seconds, timed, which } from "./lib/run.mjs";

const quiet = { quiet: true };

function older(version, than) {
  const [a, b] = [version, than].map((text) => text.split(".").map(Number));
  for (let index = 0; index < 3; index += 1) {
    if ((a[index] ?? 0) !== (b[index] ?? 0)) return (a[index] ?? 0) < (b[index] ?? 0);
  }
  return false;
}

/** What nobody but the person can install. */
async function prerequisites() {
  if (older(process.versions.node, "20.0.0")) throw new Failure(`Node 20 or newer is needed; this is ${process.versions.node}`);
  if (!which("cargo") || !which("rustc")) {
    throw new Failure("Rust is not installed: install rustup (your system's package `rustup`, or as the Rust project describes), then run this again");
  }
  if (!which("cc", "gcc", "clang")) {
    throw new Failure("a C compiler is not installed (`cc`): on Debian `apt-get install build-essential`, on a Mac `xcode-select --install`");
  }
  const rust = (await run("rustc", ["--version"], quiet)).stdout.match(/^rustc (\d+\.\d+\.\d+)/)?.[1];
  if (!rust) throw new Failure("rustc is installed but does not run: `rustup default stable` chooses a toolchain");
  if (older(rust, minimumRust())) throw new Failure(`Rust ${minimumRust()} or newer is needed; this is ${rust}: run \`rustup update\``);
}

const target = {
  name: `Rust for the browser (${wasmTarget})`,
  async missing() {
    const folder = (await run("rustc", ["--print", "target-libdir", "--target", wasmTarget], quiet)).stdout.trim();
    return folder && existsSync(folder) ? undefined : "its standard library is not there";
  },
  how: `rustup target add ${wasmTarget}`,
  async act() {
    if (!which("rustup")) {
      throw new Failure(`Rust's standard library for ${wasmTarget} is missing and this Rust is not rustup's: install your distribution's package for it, or rustup`);
    }
    await must("rustup", ["target", "add", wasmTarget], quiet);
  },
};

async function versionOf(program) {
  if (!which(program)) return undefined;
  return (await run(program, ["--version"], quiet)).stdout.match(/(\d+\.\d+\.\d+\S*)/)?.[1];
}

const bindgenHomes = () => [join(tools, "bin"), cargoBin];

/** The folder that holds wasm-bindgen and its test runner in the version the project is compiled with. */
export async function wasmBindgenFolder() {
  const wanted = wasmBindgenVersion();
  for (const folder of bindgenHomes()) {
    if (which(join(folder, "wasm-bindgen-test-runner")) && await versionOf(join(folder, "wasm-bindgen")) === wanted) return folder;
  }
  return undefined;
}

const bindgen = {
  get name() { return `wasm-bindgen ${wasmBindgenVersion()}`; },
  async missing() {
    return await wasmBindgenFolder() ? undefined : "the version that Cargo.lock names is not there";
  },
  how: "cargo install (two to four minutes)",
  async act() {
    // Another version in the person's own folder belongs to another project: leave it.
    const other = existsSync(join(cargoBin, "wasm-bindgen"));
    // Without --locked: the lock file that 0.2.130 was published with does not build.
    await must("cargo", ["install", "wasm-bindgen-cli", "--version", wasmBindgenVersion(), ...(other ? ["--root", tools, "--force"] : ["--force"])], quiet);
  },
};

/** Compares what is installed with the lock file, package by package, so that no stamp can lie. */
function nodeModulesMissing() {
  const read = (path) => JSON.parse(readFileSync(at(path), "utf8"));
  if (!existsSync(at("package-lock.json"))) throw new Failure("package-lock.json is missing: it belongs to the repository");
  const wanted = read("package-lock.json").packages;
  for (const folder of ["", ...read("package.json").workspaces]) {
    const manifest = read(join(folder, "package.json"));
    for (const field of ["dependencies", "devDependencies"]) {
      const ours = manifest[field] ?? {}, locked = wanted[folder]?.[field] ?? {};
      const differs = [...new Set([...Object.keys(ours), ...Object.keys(locked)])].find((name) => ours[name] !== locked[name]);
      if (differs) throw new Failure(`package-lock.json does not know ${differs} as ${join(folder, "package.json")} wants it: run \`npm install\` and commit the lock file`);
    }
  }
  if (!existsSync(at("node_modules", ".package-lock.json"))) return "node_modules is not there";
  const have = read("node_modules/.package-lock.json").packages;
  for (const [path, { version, link, optional }] of Object.entries(wanted)) {
    if (!path.startsWith("node_modules/") || link) continue;
    const ours = have[path]?.version;
    if (ours !== version && !(optional && ours === undefined)) return `${path} is ${ours ?? "not there"}, the lock file wants ${version}`;
    if (ours !== undefined && !existsSync(at(path, "package.json"))) return `${path} was removed`;
  }
  return undefined;
}

const nodeModules = {
  name: "JavaScript packages",
  missing: async () => nodeModulesMissing(),
  how: "npm ci (about half a minute)",
  act: () => must("npm", ["ci", "--no-audit", "--no-fund"], quiet),
};

const lint = {
  name: "rustfmt and clippy",
  async missing() {
    const found = await Promise.all(["fmt", "clippy"].map((name) => run("cargo", [name, "--version"], quiet)));
    return found.every(({ ok }) => ok) ? undefined : "a component of Rust is not there";
  },
  how: "rustup component add rustfmt clippy",
  async act() {
    if (!which("rustup")) throw new Failure("rustfmt or clippy is missing and this Rust is not rustup's: install your distribution's packages for them");
    await must("rustup", ["component", "add", "rustfmt", "clippy"], quiet);
  },
};

const geckodriver = {
  name: "geckodriver",
  missing: async () => (browsers.find("geckodriver") ? undefined : "the driver of Firefox is not there"),
  how: "cargo install (about a minute)",
  // It hands on small messages: not optimized it does so as fast and is there in half the time.
  act: () => must("cargo", ["install", "--debug", "geckodriver"], { ...quiet, env: { CARGO_PROFILE_DEV_DEBUG: "0" } }),
};

/** By hand where this is no Debian or nobody who may: `what` says what the packages are for. */
async function installDebianPackages(what, packages) {
  if (!which("apt-get") || process.getuid?.() !== 0) {
    throw new Failure(`${what} for the tests must be installed by hand: ${which("apt-get") ? `sudo apt-get install ${packages.join(" ")}` : `what Debian calls ${packages.join(", ")}`}`);
  }
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await must("apt-get", ["update"], { quiet: true, env });
  await must("apt-get", ["install", "-y", "--no-install-recommends", ...packages], { quiet: true, env });
}

const debian = {
  name: "browsers",
  missing: async () => browsers.missingDebianPackages().join(", ") || undefined,
  get how() { return `apt-get install ${browsers.missingDebianPackages().join(" ")}`; },
  act: () => installDebianPackages("the browsers", browsers.missingDebianPackages()),
};

const python = {
  name: "Python's environments",
  // Only the way to PocketBase: where that is there, nobody asks for it.
  missing: async () => (findPocketBase() || await canMakeEnvironments() ? undefined : "python3 with venv is not there"),
  how: "apt-get install python3-venv",
  act: () => installDebianPackages("Python", ["python3-venv"]),
};

const pocketbase = {
  get name() { return `PocketBase ${pocketBaseVersion()}`; },
  missing: pocketBaseMissing,
  how: "pip, into an environment of its own (a few seconds)",
  act: installPocketBase,
};

/** Installs what is missing. `lint` adds what the quick loop needs, `tests` the browsers, their drivers and a real backend. */
export async function ensure({ lint: linting = false, tests = false } = {}) {
  await prerequisites();
  const steps = [target, bindgen, nodeModules, ...(linting ? [lint] : []), ...(tests ? [geckodriver, debian, python, pocketbase] : [])];
  let acted = 0;
  for (const step of steps) {
    const why = await step.missing();
    if (!why) continue;
    acted += 1;
    const name = step.name;
    console.log(`${name}: ${why}\n  ${step.how} ...`);
    const { ms } = await timed(step.act);
    const still = await step.missing();
    if (still) throw new Failure(`${name}: still missing after the installation: ${still}`);
    console.log(`  done in ${seconds(ms)}`);
  }
  return acted;
}

if (isMain(import.meta)) {
  await main(async () => {
    const given = options(process.argv.slice(2), { tests: { help: "also what check and test need: lints, browsers, drivers, a real backend" } }, { usage: "node scripts/setup.mjs" });
    const { value, ms } = await timed(() => ensure({ lint: given.tests, tests: given.tests }));
    console.log(value === 0 ? `nothing is missing (${seconds(ms)}, ${availableParallelism()} cores)` : `all is there (${seconds(ms)})`);
  });
}
