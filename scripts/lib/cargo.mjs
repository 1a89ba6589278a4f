// What the Cargo files say, read without starting cargo.

import { existsSync, readFileSync } from "node:fs";
import { at } from "./paths.mjs";
import { Failure } from "./run.mjs";

export const wasmTarget = "wasm32-unknown-unknown";
/** Crates with contract suites in the browser. */
export const browserCrates = ["pannier-wasm", "pannier-scan-wasm"];
/** Crates that exist only as WebAssembly: everything native leaves them out. */
export const wasmCrates = [...browserCrates, "pannier-cli-wasm"];

/** The wasm-bindgen that the modules are compiled with; its command-line tool must be the very same. */
export function wasmBindgenVersion() {
  const lock = at("Cargo.lock");
  const locked = existsSync(lock) && readFileSync(lock, "utf8").match(/name = "wasm-bindgen"\nversion = "([^"]+)"/);
  const pinned = readFileSync(at("Cargo.toml"), "utf8").match(/^wasm-bindgen = "=([^"]+)"/m);
  const version = (locked || pinned)?.[1];
  if (!version) throw new Failure("neither Cargo.lock nor Cargo.toml names a version of wasm-bindgen");
  return version;
}

export const minimumRust = () => readFileSync(at("Cargo.toml"), "utf8").match(/^rust-version = "([^"]+)"/m)?.[1] ?? "1.0";
