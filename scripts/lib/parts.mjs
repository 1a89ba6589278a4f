// A run of several parts: all are run, all failures are told at the end, and one closing line sums
// up. A part gives { passed, failed }; one that only succeeds or not counts as one.

import { Failure, run, seconds } from "./run.mjs";

const bold = (text) => (process.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : text);

export class Parts {
  #done = [];

  /** Runs a part and says how it went; true when nothing in it failed. */
  async run(name, work) {
    console.log(`\n${bold(`== ${name}`)}`);
    const start = performance.now();
    let result;
    try {
      result = await work();
    } catch (error) {
      console.error(error instanceof Failure ? error.message : error);
      result = { passed: 0, failed: 1, why: String(error.message).split("\n")[0] };
    }
    const ms = performance.now() - start;
    this.#done.push({ name, ms, ...result });
    console.log(`== ${name}: ${result.failed ? "FAILED" : "passed"} (${seconds(ms)})`);
    return result.failed === 0;
  }

  /** What could not be tried because of an earlier failure is a failure, not a silence. */
  skip(name, why) { this.#done.push({ name, ms: 0, passed: 0, failed: 1, why: `not run: ${why}` }); }

  /** Prints the table and the closing line; gives the exit code. */
  finish() {
    const width = Math.max(...this.#done.map(({ name }) => name.length));
    console.log("");
    for (const { name, ms, passed, failed, why } of this.#done) {
      console.log(`${failed ? "FAILED" : "passed"}  ${name.padEnd(width)}  ${seconds(ms).padStart(7)}  ${passed} passed, ${failed} failed${why ? `  (${why})` : ""}`);
    }
    const sum = (key) => this.#done.reduce((total, one) => total + one[key], 0);
    console.log(`${" ".repeat(width + 8)}  ${seconds(sum("ms")).padStart(7)}  together`);
    // Whoever sees only the end of a long run has to see what failed, and why.
    for (const { name, failures = [] } of this.#done) for (const failure of failures) console.log(`\nFAILED  ${name}: ${failure}`);
    console.log(`\n${sum("passed")} passed, ${sum("failed")} failed`);
    return sum("failed") ? 1 : 0;
  }
}

/** A command that succeeds or not. */
export async function command(program, args, options) {
  const { ok } = await run(program, args, options);
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1 };
}

const total = (output, pattern) => [...output.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0);

/** Counts in what `cargo test` printed, in the browser too. A run that failed without a failed test (it did not compile) is one failure. */
export function cargoCounts({ ok, output }) {
  const passed = total(output, /^test result: \w+\. (\d+) passed;/gm);
  const failed = total(output, /^test result: \w+\. \d+ passed; (\d+) failed;/gm);
  return { passed, failed: ok ? failed : Math.max(1, failed), failures: [...output.matchAll(/^test (.+) \.\.\. FAILED$/gm)].map(([, name]) => name) };
}

const LINES_MAX = 8;
const WIDTH_MAX = 240;

/** The list at the end of what node's `spec` reporter prints: each test's file, its name and how its error begins. */
function listed(output) {
  const [, list = ""] = output.split(/^✖ failing tests:$/m);
  return list.split(/^test at /m).slice(1).map((one) => {
    const [place, ...rest] = one.split("\n");
    return { file: place.replace(/:\d+:\d+$/, ""), lines: rest.map((line) => line.trim()).filter((line) => line !== "") };
  });
}

export const nodeFailures = (output) => listed(output).map(({ lines }) => {
  const told = lines.filter((line) => !line.startsWith("at ") || line.includes(".test.mjs"));
  return told.slice(0, LINES_MAX).map((line) => line.slice(0, WIDTH_MAX)).join("\n    ");
});

/** The files of the failed tests, when each of them failed with an error that begins with this; none otherwise. */
export function failedOnlyWith(begin, output) {
  const failed = listed(output);
  return failed.every(({ lines: [, error = ""] }) => error.startsWith(`Error: ${begin}`)) ? [...new Set(failed.map(({ file }) => file))] : [];
}

/** The same for `node --test`. A cancelled test has not passed. */
export function nodeCounts({ ok, output }) {
  const passed = total(output, /^(?:ℹ|#) pass (\d+)$/gm);
  const failed = total(output, /^(?:ℹ|#) fail (\d+)$/gm) + total(output, /^(?:ℹ|#) cancelled (\d+)$/gm);
  return { passed, failed: ok ? failed : Math.max(1, failed), failures: nodeFailures(output) };
}

/**
 * node's own test runner on these files, `together` of them at once. A test that hangs must not hang the run.
 * Where every failure begins with `again`, something outside of what is tested was missing: those files are
 * run once more, the second run counts, and the closing table says that it was so.
 */
export async function nodeTests(files, { together = 1, again, ...options } = {}) {
  const once = (these) => run("node", ["--test", `--test-concurrency=${together}`, "--test-timeout=600000", "--test-reporter=spec", ...these], options);
  const first = await once(files);
  const counts = nodeCounts(first);
  const lost = again === undefined ? [] : failedOnlyWith(again, first.output);
  if (counts.failed === 0 || lost.length === 0) return counts;
  const why = `${again}: run again ${lost.join(", ")}`;
  console.log(`\n${why}`);
  const second = nodeCounts(await once(lost));
  return second.failed ? { ...second, passed: counts.passed, why } : { passed: counts.passed + counts.failed, failed: 0, why };
}
