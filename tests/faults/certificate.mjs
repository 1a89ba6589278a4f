// HTTP/2 is spoken over TLS only.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../scripts/lib/run.mjs";

/** A key and a certificate for localhost that nobody knows. */
export function certificate() {
  const folder = mkdtempSync(join(tmpdir(), "pannier-resend-"));
  try {
    execFileSync("openssl", [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
      "-addext", "subjectAltName=DNS:localhost", "-keyout", join(folder, "key"), "-out", join(folder, "certificate"),
    ], { stdio: "ignore" });
    return { key: readFileSync(join(folder, "key")), cert: readFileSync(join(folder, "certificate")) };
  } catch (error) {
    throw new Failure(error.code === "ENOENT" ? "openssl is not installed, which makes the certificate for HTTP/2" : `openssl: ${error.message}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
