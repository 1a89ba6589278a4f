// What all elements share: colours and sizes as custom properties with fallbacks for light and dark.

import { css } from "lit";

/**
 * Set any of these on the element or above it:
 * `--pannier-accent`, `--pannier-on-accent`, `--pannier-surface`, `--pannier-text`, `--pannier-muted`,
 * `--pannier-line`, `--pannier-danger`, `--pannier-good`, `--pannier-radius`, `--pannier-target`,
 * `--pannier-font`.
 */
export const theme = css`
  :host {
    --_accent: var(--pannier-accent, #1a5fb4);
    --_on-accent: var(--pannier-on-accent, #fff);
    --_surface: var(--pannier-surface, #fff);
    --_text: var(--pannier-text, #1c1c1e);
    --_muted: var(--pannier-muted, #5c5c66);
    --_line: var(--pannier-line, #8a8a94);
    --_danger: var(--pannier-danger, #b3261e);
    --_good: var(--pannier-good, #1f8a4c);
    --_radius: var(--pannier-radius, 12px);
    --_target: var(--pannier-target, 48px);
    display: block;
    box-sizing: border-box;
    color: var(--_text);
    font: 1rem/1.4 var(--pannier-font, system-ui, sans-serif);
  }
  @media (prefers-color-scheme: dark) {
    :host {
      --_accent: var(--pannier-accent, #8ab4f8);
      --_on-accent: var(--pannier-on-accent, #10213a);
      --_surface: var(--pannier-surface, #1c1c1e);
      --_text: var(--pannier-text, #f2f2f5);
      --_muted: var(--pannier-muted, #b4b4be);
      --_line: var(--pannier-line, #7a7a84);
      --_danger: var(--pannier-danger, #ff8a80);
      --_good: var(--pannier-good, #5ad08a);
    }
  }
  :host([hidden]) { display: none; }
  *, *::before, *::after { box-sizing: border-box; }
  button, .button, input {
    min-height: var(--_target);
    min-width: var(--_target);
    border: 1px solid var(--_line);
    border-radius: var(--_radius);
    background: var(--_surface);
    color: inherit;
    font: inherit;
    padding: 0 16px;
  }
  button, .button { cursor: pointer; touch-action: manipulation; }
  button:disabled { opacity: 0.5; cursor: default; }
  .primary { background: var(--_accent); border-color: var(--_accent); color: var(--_on-accent); font-weight: 600; }
  :is(button, input, canvas):focus-visible, .button:focus-within { outline: 3px solid var(--_accent); outline-offset: 2px; }
  .view {
    position: relative;
    overflow: hidden;
    border-radius: var(--_radius);
    background: #000;
    aspect-ratio: var(--pannier-view-ratio, 4 / 3);
  }
  video { display: block; width: 100%; height: 100%; object-fit: cover; }
  .error { color: var(--_danger); }
`;
