// The files of a page of the documentation, as they stand there: a path alone in backticks, then its text.

import { readFileSync } from "node:fs";
import { at } from "../../../scripts/lib/paths.mjs";

const page = (name) => readFileSync(at("docs", name), "utf8");

/** Path to text, of the sections of docs/embedding.md with these headings; a later one has the last word. */
export const files = (...headings) => filesOf("embedding.md", ...headings);

export function filesOf(name, ...headings) {
  const sections = page(name).split(/^## /m).slice(1).map((section) => ({ heading: section.split("\n")[0], section }));
  return Object.fromEntries(headings.flatMap((heading) => {
    const found = sections.find((one) => one.heading === heading);
    const blocks = [...found?.section.matchAll(/^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$/gms) ?? []];
    if (blocks.length === 0) throw new Error(`docs/${name} has no file under "${heading}"`);
    return blocks.map(([, path, body]) => [path, body]);
  }));
}

/** What stands in a section outside of any file: the first block of this language that holds `words`. */
export function block(heading, words) {
  const section = page("embedding.md").split(/^## /m).find((one) => one.startsWith(heading)) ?? "";
  const found = [...section.matchAll(/^```\w+\n(.*?)^```$/gms)].map(([, body]) => body).find((body) => body.includes(words));
  if (!found) throw new Error(`docs/embedding.md says nothing of ${words} under "${heading}"`);
  return found;
}
