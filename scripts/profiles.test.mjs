// A phone knows a profile by its revision, and operations under way are pinned to one. So a document
// that ships has the revision that its content was recorded under, and what was recorded stays.
// PANNIER_WRITE=1 records a new revision.

import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { at } from "./lib/paths.mjs";
import { revisions, shippedProfiles } from "./lib/rules.mjs";
import { must } from "./lib/run.mjs";

const git = async (...args) => (await must("git", args, { cwd: at(), quiet: true })).stdout;
const shipped = () => shippedProfiles(new Map(readdirSync(at("profiles")).filter((name) => name.endsWith(".json")).map((name) => [`profiles/${name}`, readFileSync(at("profiles", name), "utf8")])));
const recorded = () => JSON.parse(readFileSync(at(revisions), "utf8"));

if (process.env.PANNIER_WRITE) {
  const all = recorded();
  for (const { file, revision, digest } of shipped()) (all[file] ??= {})[revision] ??= digest;
  writeFileSync(at(revisions), `${JSON.stringify(all, undefined, 2)}\n`);
}

test("every profile that ships is what its revision was recorded as", () => {
  const profiles = shipped();
  assert.ok(profiles.some(({ file }) => file === "profiles/sandbox.json"));
  for (const { file, revision, digest } of profiles) assert.equal(recorded()[file]?.[revision], digest, `${file}: raise its revision, then PANNIER_WRITE=1 node --test scripts/profiles.test.mjs`);
});

test("what was ever committed as a revision is still that", async () => {
  const now = recorded();
  const commits = (await git("log", "--format=%H", "--", revisions)).split("\n").filter(Boolean);
  for (const commit of commits) {
    for (const [file, known] of Object.entries(JSON.parse(await git("show", `${commit}:${revisions}`)))) {
      for (const [revision, digest] of Object.entries(known)) assert.equal(now[file]?.[revision], digest, `${file}, revision ${revision}, as ${commit.slice(0, 8)} recorded it`);
    }
  }
});
