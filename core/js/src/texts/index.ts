// Every sentence that the package shows to a person, in the language that is spoken. The core gives
// codes and values; here they become words.
//
// English is always there. Another language is a file of its own, which its speakers alone load:
//
//   import { speak } from "pannier/texts";
//   import { sv } from "pannier/texts/sv.js";
//   speak(sv);

import { en, type Texts } from "./en.js";
import { useLocale } from "./format.js";

export { en, type ClientErrorCode, type Text, type Texts } from "./en.js";
export { attemptText, choiceText, errorText, itemText, meaningText, newsText, noticeText, officeText, reasonText, refreshText, refusalText, statusText, titleText } from "./said.js";
export { byteSize, calendarDay, clockTime, count, listed, relativeTime, seconds, timeSpan } from "./format.js";

let spoken: Texts = en;
const listeners = new Set<() => void>();

/**
 * The texts of the language that is spoken. Ask anew each time something is shown.
 * @example const { status } = words();
 */
export function words(): Texts {
  return spoken;
}

/**
 * Speaks another language from now on, in this context: every element shows it at once.
 * @param texts one of the languages of the package, or the integrator's own
 * @example speak({ ...en, status: { ...en.status, all_sent: "All done" } });
 */
export function speak(texts: Texts): void {
  spoken = texts;
  useLocale(texts.locale);
  for (const listener of listeners) listener();
}

/**
 * Calls back after each change of language; what it gives ends that.
 * @example const stop = onSpeak(() => render());
 */
export function onSpeak(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * The first of the languages that a person prefers which is also there; without one, the first that is there.
 * @param preferred BCP 47 tags in the person's order, as `navigator.languages`
 * @example chosen(["sv", "en"], navigator.languages)
 */
export function chosen<L extends string>(there: readonly [L, ...L[]], preferred: readonly string[]): L {
  for (const tag of preferred) {
    const language = tag.toLowerCase().split("-")[0];
    const found = there.find((one) => one === language);
    if (found !== undefined) return found;
  }
  return there[0];
}
