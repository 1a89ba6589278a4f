// The day as a drawing: how the backend was found, how much waited, and every wake by what caused
// it. Colour never speaks alone: bands differ in height and have words below.

import { svg, type TemplateResult } from "lit";
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

const wide = 360;
const left = 8;
const bandTop = 4;
const bandTall = 20;
const waitingTop = 34;
const waitingTall = 46;
const wakesTop = 92;
const wakesStep = 15;
const tall = wakesTop + rows.length * wakesStep + 18;

export interface DayWords { label: string; rows: Record<Row, string>; waiting: (most: number) => string; reach: string }

/** `wakes` oldest first; `now` ends the drawing. */
export function day(wakes: readonly WakeRecord[], now: number, words: DayWords): TemplateResult {
  const began = Math.min(wakes[0]?.at ?? now, now - 60_000);
  const x = (at: number): number => Math.round(10 * (left + (wide - 2 * left) * Math.min(Math.max((at - began) / (now - began), 0), 1))) / 10;
  const most = Math.max(1, ...wakes.map(({ waiting }) => waiting));
  const y = (waiting: number): number => Math.round(10 * (waitingTop + waitingTall * (1 - waiting / most))) / 10;
  const ends = wakes.map((_, index) => wakes[index + 1]?.at ?? now);
  const line = wakes.map(({ at, waiting }, index) => `H${x(at)}V${y(waiting)}${index === wakes.length - 1 ? `H${x(now)}` : ""}`).join("");
  const ticks = [began, (began + now) / 2, now];
  return svg`<svg class="day" data-test="timeline" viewBox="0 0 ${wide} ${tall}" role="img" aria-label=${words.label}>
    ${wakes.map(({ at, reachability }, index) => {
      const band = bandOf[reachability] ?? "none";
      return svg`<rect class="band ${band}" data-reachability=${reachability} x=${x(at)} y=${bandTop + bandTall - bandHeight[band]} width=${Math.max(x(ends[index] ?? now) - x(at), 0.6)} height=${bandHeight[band]}></rect>`;
    })}
    <text class="name" x=${left} y=${bandTop + bandTall + 9}>${words.reach}</text>
    <path class="waiting" d="M${left} ${y(0)}${line}V${y(0)}H${left}z"></path>
    <line class="axis" x1=${left} x2=${wide - left} y1=${y(0)} y2=${y(0)}></line>
    <text class="name" x=${left} y=${y(0) + 9}>${words.waiting(most)}</text>
    ${rows.map((name, index) => {
      const middle = wakesTop + 6 + index * wakesStep;
      return svg`<line class="axis" x1=${left} x2=${wide - left} y1=${middle} y2=${middle}></line>
        ${wakes.filter((wake) => row(wake) === name).map((wake) => svg`<rect class="wake ${wake.settled > 0 ? "sent" : ""}" data-row=${name} x=${x(wake.at) - 0.8}
          y=${middle - (wake.settled > 0 ? 5 : 3)} width=${wake.until === undefined ? 1.6 : Math.max(x(wake.until) - x(wake.at), 1.6)} height=${wake.settled > 0 ? 10 : 6}></rect>`)}
        <text class="name" x=${left} y=${middle + 8.5}>${words.rows[name]}</text>`;
    })}
    ${ticks.map((at, index) => svg`<text class="hour" x=${x(at)} y=${tall - 3} text-anchor=${["start", "middle", "end"][index] ?? "middle"}>${clockTime(at)}</text>`)}
  </svg>`;
}
