// What the backend has in the end, against what the phone recorded.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { log, until } from "../lib/index.mjs";
import { operations } from "./store.mjs";

export const applied = (server) => log(server, { applied: true });
export const appliedIds = async (server) => (await applied(server)).filter(({ type }) => type !== "office").map(({ remarks }) => remarks);

/** Waits until the backend has taken so many operations. */
export const taken = (server, count, { ms = 30_000 } = {}) => until(async () => {
  const entries = await appliedIds(server);
  return entries.length >= count && entries;
}, { what: `the backend to take ${count} operations`, ms, every: 100 });

/**
 * Every operation had its effect exactly once and nothing else had any; in the order of recording
 * within each stop; every picture byte for byte. Of one account where it is named. Gives the operations.
 */
export async function exactlyOnce(courier, { without = [], account } = {}) {
  const { server, driver } = courier;
  const recorded = (await operations(driver)).filter((one) => account === undefined || one.account === account);
  without = new Set(without);
  assert.ok(recorded.length > 0, "something was recorded");
  assert.equal(new Set(recorded.map(({ seq }) => seq)).size, recorded.length, "no sequence number twice");
  assert.equal(new Set(recorded.map(({ id }) => id)).size, recorded.length, "no id twice");
  const sent = recorded.filter(({ id }) => !without.has(id));

  const effects = (await applied(server)).filter(({ type, remarks }) => type !== "office" && !without.has(remarks)).sort((one, other) => one.applied_n - other.applied_n);
  const times = new Map();
  for (const { remarks } of effects) times.set(remarks, (times.get(remarks) ?? 0) + 1);
  const named = ({ id, seq, intent }) => `${seq} ${intent.kind} ${intent.stop ?? ""} ${id}`;
  const wrong = sent.filter(({ id }) => times.get(id) !== 1).map((one) => `${named(one)}: ${times.get(one.id) ?? 0} times`);
  if (wrong.length > 0) {
    // What happened on the wire to those: the one thing that explains it.
    const everything = await log(server);
    const lines = sent.filter(({ id }) => times.get(id) !== 1).flatMap(({ id, attempts }) => [
      ...attempts.map((one) => `  phone   ${one.started_at ?? one.startedAt} ${JSON.stringify(one)}`),
      ...everything.filter(({ remarks }) => remarks === id).map((one) => `  backend ${one.received_at} n=${one.n} ${one.method} ${one.path} ${one.status} applied=${one.applied_n ?? "no"} fault=${one.fault ?? "none"}`),
    ]);
    assert.deepEqual(wrong, [], `every operation has its effect exactly once\n${lines.join("\n")}\n`);
  }
  const known = new Set(sent.map(({ id }) => id));
  assert.deepEqual(effects.filter(({ remarks }) => !known.has(remarks)).map(({ type, remarks }) => `${type} ${remarks}`), [], "and nothing else has any");

  for (const stop of new Set(sent.map(({ intent }) => intent.stop).filter(Boolean))) {
    const asRecorded = sent.filter(({ intent }) => intent.stop === stop);
    const ids = new Set(asRecorded.map(({ id }) => id));
    const place = new Map(asRecorded.map(({ id, seq, intent }) => [id, `${seq} ${intent.kind}`]));
    const asApplied = effects.filter(({ remarks }) => ids.has(remarks)).map(({ remarks }) => place.get(remarks));
    assert.deepEqual(asApplied, asRecorded.map(({ id }) => place.get(id)), `in order within ${stop}`);
  }
  await samePictures(server, sent, effects);
  return recorded;
}

/**
 * Operations that reached the backend more often than the phone ever sent them. A browser repeats a
 * POST by itself when a kept connection dies before the answer; the page sees one answer and
 * nothing else.
 */
export async function resentByTheBrowser({ server, driver }) {
  const everything = await log(server);
  return (await operations(driver)).filter(({ id, attempts }) => {
    const arrived = everything.filter(({ method, remarks, status }) => method === "POST" && remarks === id && status !== null).length;
    return arrived > attempts.filter(({ purpose }) => purpose === "send").length;
  }).map(({ id }) => id);
}

async function samePictures(server, sent, effects) {
  for (const { id, blob, intent } of sent.filter(({ blob }) => blob)) {
    const { body } = effects.find(({ remarks }) => remarks === id);
    const answer = await fetch(new URL(`/log/photos/${body.id}`, server.page));
    assert.equal(answer.status, 200);
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.equal(createHash("sha256").update(bytes).digest("hex"), blob.sha256, `${intent.kind} ${id} byte for byte`);
    assert.equal(body.sha256, blob.sha256);
    assert.equal(bytes.length, blob.bytes);
    const kind = intent.kind === "photo" ? ["image/jpeg", "ffd8ff"] : ["image/png", "89504e"];
    assert.deepEqual([blob.mediaType, bytes.subarray(0, 3).toString("hex")], kind);
    if (intent.kind === "photo") assert.ok(!bytes.includes("Exif"), "a photo carries no metadata");
  }
}
