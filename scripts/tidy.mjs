// Layering and tidiness, checked on the text of everything that is or is about to be committed.

import { existsSync, readFileSync } from "node:fs";
import { at } from "./lib/paths.mjs";
import { isMain, main, must, options } from "./lib/run.mjs";
import { judge } from "./lib/rules.mjs";

async function committed() {
  const { stdout } = await must("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { quiet: true });
  const files = stdout.split("\0").filter((file) => file && existsSync(at(file)));
  return new Map(files.map((file) => [file, readFileSync(at(file), "utf8")]));
}

/** Prints what is broken, file and line; gives { passed, failed } in rules. */
export async function tidy() {
  const verdicts = judge(await committed());
  for (const { name, broken } of verdicts) {
    if (broken.length === 0) continue;
    console.log(`broken: ${name}`);
    for (const { file, line, text } of broken) console.log(`  ${file}:${line}: ${text}`);
  }
  const failed = verdicts.filter(({ broken }) => broken.length > 0).length;
  return { passed: verdicts.length - failed, failed };
}

if (isMain(import.meta)) {
  await main(async () => {
    options(process.argv.slice(2), {}, { usage: "node scripts/tidy.mjs" });
    const { passed, failed } = await tidy();
    console.log(`tidy: ${passed} rules kept, ${failed} broken`);
    return failed ? 1 : 0;
  });
}
