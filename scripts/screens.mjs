// Pictures of every screen and dialog on two sizes of phone, light and dark, in both languages, and in
// Swedish, whose words are longer, on what is narrow, low, wide, and read with large letters; from the
// running sandbox in Chromium: .cache/screens, with a sheet that shows them all. A screen that cannot
// be reached fails the command, and so does one that scrolls sideways.

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { screenshot } from "../tests/browser/lib/screenshot.mjs";
import { arriveAtWork } from "../tests/browser/stories/courier.mjs";
import { door, prepare, shapes, speaks, walk } from "../tests/browser/stories/screens.mjs";
import { at, cache, dist } from "./lib/paths.mjs";
import { Failure, isMain, main, options } from "./lib/run.mjs";

const phones = [{ width: 390, height: 844 }, { width: 360, height: 640 }]
  .flatMap((size) => [{ ...size, label: `${size.width}x${size.height}-light` }, { ...size, dark: true, label: `${size.width}x${size.height}-dark` }]);
const languages = { sv: [...phones, ...shapes], en: phones };
const folder = join(cache, "screens");

function sheet(pictures) {
  const names = [...new Set(pictures.map(({ name }) => name))];
  const rows = names.map((name) => `<h2>${name}</h2><div>${pictures.filter((one) => one.name === name)
    .map(({ file, label }) => `<figure><a href="${file}"><img src="${file}" loading="lazy" alt="${name}, ${label}"></a><figcaption>${label}</figcaption></figure>`).join("")}</div>`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Screens</title>
<style>body{font:14px system-ui;margin:16px;background:#777}div{display:flex;flex-wrap:wrap;gap:12px}figure{margin:0}img{height:420px;display:block}figcaption{color:#fff}</style>
${rows.join("\n")}</html>\n`;
}

/** Writes them all; gives the pictures, and those that scroll sideways. */
export async function screens() {
  if (!existsSync(join(dist, "sw.js")) || !existsSync(at("target", "release", "pannier-sandbox"))) {
    throw new Failure("there is nothing to look at yet: npm run build, and cargo build --release -p pannier-sandbox");
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pictures = [];
  const sideways = [];
  const courier = await arriveAtWork({ engine: "chromium" });
  try {
    const take = (language) => async (name) => {
      for (const { label: look, ...how } of languages[language]) {
        const label = `${look}-${language}`;
        const file = `${name}-${label}.png`;
        const { wide } = await screenshot(courier.browser, join(folder, file), { ...how, scale: 1 });
        pictures.push({ name, label, file });
        sideways.push(...wide.map((what) => `${name}, ${label}: ${what}`));
      }
    };
    for (const language of Object.keys(languages)) {
      await speaks(courier, language);
      await door(courier, take(language));
    }
    await prepare(courier);
    for (const language of Object.keys(languages)) {
      await speaks(courier, language);
      await walk(courier, take(language));
    }
  } finally {
    await courier.leave();
  }
  writeFileSync(join(folder, "index.html"), sheet(pictures));
  return { pictures, sideways };
}

if (isMain(import.meta)) {
  await main(async () => {
    options(process.argv.slice(2), {}, { usage: "npm run screens" });
    const { pictures, sideways } = await screens();
    console.log(`${pictures.length} pictures in ${folder}: open index.html`);
    if (sideways.length > 0) throw new Failure(sideways.join("\n"));
  });
}
