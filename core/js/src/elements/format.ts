// Foreign texts as a person reads them. Numbers and times are the language's: texts/format.ts.

// Control characters, line separators and the marks that turn the direction of text could make one
// code look like another; they are shown as a box instead.
const hiddenCharacters = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/**
 * A text from a code or a backend: hidden characters visible, and cut at a length (characters) with an ellipsis.
 * @example shown("PN-7\u202eX") // "PN-7□X"
 */
export function shown(text: string, longest = 200): string {
  // Cutting first keeps a text of megabytes cheap; the spare covers pairs of surrogates.
  const characters = Array.from(text.slice(0, longest * 2 + 2));
  const cut = characters.length > longest || text.length > longest * 2 + 2;
  const kept = (cut ? characters.slice(0, longest) : characters).join("").replace(hiddenCharacters, "\u25a1");
  return cut ? `${kept}\u2026` : kept;
}

/**
 * A message of the core, which begins it in lower case, at the head of a line.
 * @example sentence("this stop has its outcome already") // "This stop has its outcome already"
 */
export function sentence(text: string, longest = 400): string {
  const [first = "", ...rest] = Array.from(shown(text, longest));
  return first.toLocaleUpperCase() + rest.join("");
}
