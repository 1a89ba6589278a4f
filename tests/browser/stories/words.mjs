// Whether a screen speaks one language: each word that is seen or read out comes from that language's
// tables, from the platform's Intl, or from what others said (the route, the courier himself).

import { readFileSync } from "node:fs";
import { at } from "../../../scripts/lib/paths.mjs";

const wordsIn = (text) => [...text.matchAll(/\p{L}{2,}/gu)].map(([word]) => word.toLowerCase());

/** What stands in a source file between quotes: its sentences, without the code around and inside them. */
function literals(source) {
  const found = [];
  // Innermost last: a quote, or a brace of code within a template.
  const open = [];
  let text = "";
  for (let place = 0; place < source.length; place += 1) {
    const sign = source[place];
    const inside = open.at(-1);
    const quoted = inside === '"' || inside === "`";
    if (!quoted && source.startsWith("//", place)) place = source.indexOf("\n", place);
    else if (!quoted && source.startsWith("/*", place)) place = source.indexOf("*/", place) + 1;
    else if (quoted && sign === "\\") place += 1;
    else if (quoted && sign === inside) { found.push(text); text = ""; open.pop(); }
    else if (inside === "`" && source.startsWith("${", place)) { found.push(text); text = ""; open.push("{"); place += 1; }
    else if (quoted) text += sign;
    else if (sign === '"' || sign === "`") open.push(sign);
    else if (sign === "{") open.push("{");
    else if (sign === "}") open.pop();
  }
  return found;
}

const tables = { sv: ["core/js/src/texts/sv.ts", "web/src/texts/sv.ts"], en: ["core/js/src/texts/en.ts", "web/src/texts/en.ts"] };

function* ofIntl(locale) {
  // Every month, and every day of the week.
  const year = Array.from({ length: 12 }, (_, month) => new Date(2026, month, 1)).concat(Array.from({ length: 7 }, (_, day) => new Date(2026, 0, 1 + day)));
  for (const length of ["short", "long"]) {
    for (const day of year) yield day.toLocaleDateString(locale, { weekday: length, day: "numeric", month: length });
    const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: length });
    for (const unit of ["second", "minute", "hour"]) for (const n of [-5, -1, 0, 1, 5]) yield relative.format(n, unit);
    for (const unit of ["byte", "kilobyte", "megabyte", "gigabyte"]) yield new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: length }).format(3);
  }
}

/** The reasons that the profile has in this language. */
const reasons = (language) => Object.values(JSON.parse(readFileSync(at("profiles", "sandbox.json"), "utf8")).reasons).flat().map(({ texts }) => texts[language]);

/** Every word that this language has here, and those of what was said by others. */
export const vocabulary = (language, ...said) => new Set([
  ...reasons(language),
  ...tables[language].flatMap((file) => literals(readFileSync(at(file), "utf8").replace(/^(?:import|export) .* from .*$/gmu, ""))),
  ...ofIntl(language), ...said.map((one) => (typeof one === "string" ? one : JSON.stringify(one))),
].flatMap(wordsIn));

// What the backend said is quoted, and what is meant for the office or names a language says its own;
// versions are names.
const seen = `
  const foreign = "q, .code, [lang]:not(html), [data-test^=version], style, script, svg";
  const told = [document.title];
  const look = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.closest(foreign) || !element.checkVisibility({ visibilityProperty: true })) continue;
      for (const name of ["aria-label", "placeholder", "alt", "title"]) told.push(element.getAttribute(name) ?? "");
      for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) told.push(node.data);
      if (element.shadowRoot) look(element.shadowRoot);
    }
  };
  look(document);
  return told.map((text) => text.replace(/\\s+/g, " ").trim()).filter(Boolean);`;

/** Texts of the screen with a word that is not known. */
export async function strange(driver, known) {
  const texts = await driver.executeScript(seen);
  return texts.filter((text) => wordsIn(text).some((word) => !known.has(word)));
}

/** What the backend tells of a courier's day, and the reasons that the company chose, which its profile words. */
export async function dayOf(server, { username = "anna", password = "packet123" } = {}) {
  const ask = async (path, options) => (await fetch(new URL(path, server.page), options)).json();
  const login = await ask("/api/login", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ username, password }) });
  const { reasons } = await ask("/profile.json");
  return [login, reasons, await ask("/api/route", { headers: { authorization: `Bearer ${login.access_token}` } })];
}
