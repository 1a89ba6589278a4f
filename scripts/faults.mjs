// The fault table: every promise of the outbox under every fault, in real browsers, beside a peer.
// Ends with 1 and names the row where a promise of Pannier's is broken.

import { Failure, isMain, main, options, seconds, timed } from "./lib/run.mjs";
import { table, under } from "./lib/table.mjs";
import { build } from "./build.mjs";
import { ensure } from "./setup.mjs";

const columns = ["browser", "fault", "subject", "identity", "recorded", "lost", "duplicated", "reported_duplicates", "out_of_order", "blocked", "parked", "told"];

const figures = (row) => columns.slice(4).filter((name) => row[name]).map((name) => `${row[name]} ${name.replaceAll("_", " ")}`).join(", ");

/** `--fault=500,429` as a list, each of them known. */
function chosen(given, name, known) {
  if (given[name] === undefined) return known;
  const wanted = given[name].split(",");
  const unknown = wanted.find((one) => !known.includes(one));
  if (unknown !== undefined) throw new Failure(`there is no ${name} ${unknown}: ${known.join(", ")}`);
  return wanted;
}

if (isMain(import.meta)) {
  await main(async () => {
    const list = { value: "a,b" };
    const given = options(process.argv.slice(2), {
      json: { help: "{ rows } as JSON on standard output" },
      browser: { ...list, help: "only these: chromium, firefox, webkit" },
      fault: { ...list, help: "only these, e.g. 500, cut_close, kill" },
      identity: { ...list, help: "only these, e.g. header, none" },
      subject: { ...list, help: "only these: pannier, workbox" },
      operations: { value: "n", help: "recorded in each row (200; 40 photos)" },
    }, { usage: "npm run faults -- [options]" });
    const say = given.json ? console.error : console.log;
    await ensure({ tests: true });
    await build({ say: () => undefined });
    // After the build, since it bundles what was built.
    const { browsers, faults, identities, measure, rows, subjects, wrong } = await import("../tests/faults/table.mjs");
    const wanted = rows({
      browser: chosen(given, "browser", browsers), fault: chosen(given, "fault", Object.keys(faults)),
      identity: chosen(given, "identity", identities), subject: chosen(given, "subject", subjects),
    });
    if (wanted.length === 0) throw new Failure("no row is left: quota needs Chromium, Workbox is measured in Chromium, under header and none");
    const count = given.operations === undefined ? undefined : Number(given.operations);
    if (count !== undefined && !(Number.isInteger(count) && count > 0)) throw new Failure("--operations takes a number");

    const done = [], broken = [];
    for (const row of wanted) {
      const name = `${row.browser}, ${row.fault}, ${row.subject}, ${row.identity}`;
      try {
        const { value, ms } = await timed(() => measure(row, { count }));
        const found = wrong(value);
        done.push(value);
        say(`${found.length ? "BROKEN" : "ok"}  ${name}: ${found.length ? found.join("; ") : figures(value)} (${seconds(ms)})`);
        if (found.length) broken.push(`${name}: ${found.join("; ")}`);
      } catch (error) {
        say(`FAILED  ${name}: ${error.message}`);
        broken.push(`${name}: ${error.message.split("\n")[0]}`);
      }
    }
    if (given.json) console.log(JSON.stringify({ rows: done }, undefined, 1)); else console.log(`\n${table(under(columns, done), { names: 4 })}`);
    if (broken.length) throw new Failure(`${broken.length} of ${wanted.length} rows are broken:\n${broken.join("\n")}`);
  });
}
