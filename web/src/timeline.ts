// The day as a drawing: how the backend was found, how much waited, and every wake by what caused
// it. Colour never speaks alone: bands differ in height and have words below.

import { html, nothing, svg, type TemplateResult } from "lit";
import type { Reachability, WakeReason, WakeRecord } from "pannier";
import { clockTime } from "./formats";

/** Causes that tell the same story stand in one row. */
export const rows = ["recorded", "foreground", "network", "timer", "manual", "worker"] as const;
export type Row = (typeof rows)[number];

const rowOf: Record<WakeReason, Row> = {
  recorded: "recorded", opened: "foreground", visible: "foreground", shown: "foreground", focus: "foreground", online: "network", back: "network",
  timer: "timer", manual: "manual", signed_in: "manual",
  sync: "worker", push: "worker", click: "worker", message: "worker", activate: "worker", navigation: "worker", paused: "worker",
};

export function row({ context, reason }: WakeRecord): Row {
  return context === "worker" ? "worker" : rowOf[reason as WakeReason] ?? "timer";
}

export type Band = "good" | "away" | "trouble" | "none";
export const bandOf: Record<Reachability, Band> = {
  unknown: "none", reachable: "good", unreachable: "away", offline: "away", captive_portal: "away",
  backend_down: "trouble", backend_trouble: "trouble", sign_in_needed: "trouble",
};
const bandHeight: Record<Band, number> = { good: 8, trouble: 14, away: 20, none: 2 };

/** Across, in parts of the time that is drawn; the screen stretches it to its own width. */
const wide = 1000;
const bandTall = 20;
const areaTall = 44;
const wakesTall = 14;
/** what is over at once is still to be seen */
const least = 5;

export interface DayWords { label: string; rows: Record<Row, string>; waiting: (most: number) => string; storage: (now: number) => string; reach: string }

/** `wakes` oldest first; `now` ends the drawing. Names stand over their strips as text, since what is stretched cannot be read. */
export function day(wakes: readonly WakeRecord[], now: number, words: DayWords): TemplateResult {
  const began = Math.min(wakes[0]?.at ?? now, now - 60_000);
  const x = (at: number): number => Math.round(10 * wide * Math.min(Math.max((at - began) / (now - began), 0), 1)) / 10;
  const strip = (name: string, tall: number, inside: unknown): TemplateResult => html`<p>${name}</p>
    <svg viewBox="0 0 ${wide} ${tall}" width="100%" height=${tall} preserveAspectRatio="none" aria-hidden="true" focusable="false">${inside}</svg>`;
  /** What a figure was from each wake to the next. */
  const area = (kind: string, figures: readonly number[], most: number): TemplateResult => {
    const y = (figure: number): number => Math.round(10 * (2 + (areaTall - 3) * (1 - figure / most))) / 10;
    const line = wakes.map(({ at }, index) => `H${x(at)}V${y(figures[index] ?? 0)}`).join("");
    return svg`<path class=${kind} d="M0 ${y(0)}${line}H${wide}V${y(0)}H0z"></path>`;
  };
  const ends = wakes.map((_, index) => wakes[index + 1]?.at ?? now);
  const mostWaiting = Math.max(1, ...wakes.map(({ waiting }) => waiting));
  // A wake that was not told keeps the figure of the one before.
  let last = wakes.find(({ used }) => used !== undefined)?.used;
  const used = wakes.map((wake) => (last = wake.used ?? last) ?? 0);
  return html`<div class="day" data-test="timeline" role="img" aria-label=${words.label}>
    ${strip(words.reach, bandTall, wakes.map(({ at, reachability }, index) => {
      const band = bandOf[reachability] ?? "none";
      return svg`<rect class="band ${band}" data-reachability=${reachability} x=${x(at)} y=${bandTall - bandHeight[band]} width=${Math.max(x(ends[index] ?? now) - x(at), least / 2)} height=${bandHeight[band]}></rect>`;
    }))}
    ${strip(words.waiting(mostWaiting), areaTall, area("waiting", wakes.map(({ waiting }) => waiting), mostWaiting))}
    ${last === undefined ? nothing : strip(words.storage(last), areaTall, area("used", used, Math.max(1, ...used)))}
    ${rows.map((name) => strip(words.rows[name], wakesTall, svg`<line class="axis" x1="0" x2=${wide} y1=${wakesTall / 2} y2=${wakesTall / 2}></line>
      ${wakes.filter((wake) => row(wake) === name).map((wake) => svg`<rect class="wake ${wake.settled > 0 ? "sent" : ""}" data-row=${name} x=${Math.min(x(wake.at), wide - least)}
        y=${wake.settled > 0 ? 0 : 3} width=${Math.max(x(wake.until ?? wake.at) - x(wake.at), least)} height=${wake.settled > 0 ? wakesTall : wakesTall - 6}></rect>`)}`))}
    <p class="hours">${[began, (began + now) / 2, now].map((at) => html`<span>${clockTime(at)}</span>`)}</p>
  </div>`;
}
