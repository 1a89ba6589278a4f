// The page's words in the language that is spoken, and which one that is: the one chosen in More,
// else the first of the browser's that is there.

import { chosen, en as packageEnglish, speak } from "pannier/texts";
import { leaveForWorker, preferLanguage, preferredLanguage } from "../preferences";
import { en, type PageTexts } from "./en";

export type { PageTexts } from "./en";

/** `texts` is what the page says now: a binding that changes with the language, so ask it when something is shown. */
export let texts: PageTexts = en;

export const languages = { en: "English", sv: "Svenska" } as const;
export type Language = keyof typeof languages;
const there: readonly [Language, ...Language[]] = ["en", "sv"];

function isLanguage(name: string | undefined): name is Language {
  return there.some((one) => one === name);
}

/** What the courier chose; nothing means "as the phone". */
export function choice(): Language | undefined {
  const stored = preferredLanguage();
  return isLanguage(stored) ? stored : undefined;
}

/** Speaks the chosen language from now on. English is in the page; another one is a file of its own. */
export async function speakChosen(): Promise<void> {
  const language = choice() ?? chosen(there, navigator.languages);
  const sounds = language === "sv" ? await import("./sv") : { sv: en, package: packageEnglish };
  texts = sounds.sv;
  speak(sounds.package);
  document.documentElement.lang = language;
}

/** Keeps the choice on this phone, and speaks it. */
export async function choose(language: Language | undefined): Promise<void> {
  preferLanguage(language);
  // Not waited for: while the app installs itself the caches have other things to do.
  void leaveForWorker(language);
  await speakChosen();
}
