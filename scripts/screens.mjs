// Pictures of every screen on two sizes of phone, light and dark, in both languages, from the running
// sandbox in Chromium: .cache/screens, with a sheet that shows them all. A screen that cannot be
// reached fails the command.

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { find } from "../tests/browser/lib/index.mjs";
import { screenshot } from "../tests/browser/lib/screenshot.mjs";
import { arriveAtWork, on } from "../tests/browser/stories/courier.mjs";
import { prepare, speaks, walk } from "../tests/browser/stories/screens.mjs";
import { at, cache, dist } from "./lib/paths.mjs";
import { Failure, isMain, main, options } from "./lib/run.mjs";

const sizes = [{ width: 390, height: 844 }, { width: 360, height: 640 }];
const languages = ["sv", "en"];
const folder = join(cache, "screens");

function sheet(pictures) {
  const names = [...new Set(pictures.map(({ name }) => name))];
  const rows = names.map((name) => `<h2>${name}</h2><div>${pictures.filter((one) => one.name === name)
    .map(({ file, label }) => `<figure><a href="${file}"><img src="${file}" loading="lazy" alt="${name}, ${label}"></a><figcaption>${label}</figcaption></figure>`).join("")}</div>`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Screens</title>
<style>body{font:14px system-ui;margin:16px;background:#777}div{display:flex;flex-wrap:wrap;gap:12px}figure{margin:0}img{height:420px;display:block}figcaption{color:#fff}</style>
${rows.join("\n")}</html>\n`;
}

/** Writes them all; gives the pictures. */
export async function screens() {
  if (!existsSync(join(dist, "sw.js")) || !existsSync(at("target", "release", "pannier-sandbox"))) {
    throw new Failure("there is nothing to look at yet: npm run build, and cargo build --release -p pannier-sandbox");
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pictures = [];
  const courier = await arriveAtWork({ engine: "chromium" });
  try {
    const take = (language) => async (name) => {
      for (const size of sizes) {
        for (const dark of [false, true]) {
          const label = `${size.width}x${size.height}-${dark ? "dark" : "light"}-${language}`;
          const file = `${name}-${label}.png`;
          await screenshot(courier.browser, join(folder, file), { ...size, dark, scale: 1 });
          pictures.push({ name, label, file });
        }
      }
    };
    for (const language of languages) {
      await speaks(courier, language);
      await find(courier.driver, on("username"));
      await take(language)("sign-in");
    }
    await prepare(courier);
    for (const language of languages) {
      await speaks(courier, language);
      await walk(courier, take(language));
    }
  } finally {
    await courier.leave();
  }
  writeFileSync(join(folder, "index.html"), sheet(pictures));
  return pictures;
}

if (isMain(import.meta)) {
  await main(async () => {
    options(process.argv.slice(2), {}, { usage: "npm run screens" });
    const pictures = await screens();
    console.log(`${pictures.length} pictures in ${folder}: open index.html`);
  });
}
