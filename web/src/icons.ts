// The page's icons: strokes on a 24-unit grid, drawn for this app. They are decoration beside a
// word, never the only carrier of a meaning, so they are hidden from screen readers.

import { html, type TemplateResult } from "lit";

const paths = {
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  check: "M4.5 12.5l5 5 10-11",
  open: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z",
  arrived: "M12 21s7-6.3 7-11.5a7 7 0 0 0-14 0C5 14.7 12 21 12 21zM12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  waiting: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 7.5V12l3 2",
  done: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM8.3 12.3l2.6 2.6 4.8-5.4",
  attention: "M12 4L2.8 20h18.4zM12 10v4.5M12 17.3v.1",
  wrong: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM9 9l6 6M15 9l-6 6",
  scan: "M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M4 12h16",
  photo: "M4 8h3.5l1.5-2.5h6L16.5 8H20a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
  signature: "M3 20h18M4 16c3-1 5.5-10 7.5-11 1.7-.6 1 3.5-.8 6.5-1.2 2-2 4 0 3.5 1.3-.4 2-2.5 3.3-2.5 1.2 0 .5 2.5 2 2.5 1 0 1.7-.7 3-1.5",
  note: "M6 3h8.5L19 7.5V20a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM14 3v5h5M8.5 12.5h7M8.5 16.5h5",
  phone: "M6.5 3.5h3l1.5 4.5-2 1.5a11 11 0 0 0 5.5 5.5l1.5-2 4.5 1.5v3a2 2 0 0 1-2.2 2A17 17 0 0 1 4.5 5.7a2 2 0 0 1 2-2.2z",
  door: "M6 21V4a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v17M3.5 21h17M14.5 12v1",
  parcel: "M12 3l8 4.2v9.6L12 21l-8-4.2V7.2zM4 7.2l8 4.3 8-4.3M12 11.5V21M8 5.1l8 4.3",
  pickup: "M12 15V4M8 8l4-4 4 4M4 13v6a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-6",
  route: "M7 21a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM17 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9.5 18.5H15a3.2 3.2 0 0 0 0-6.5H9a3.2 3.2 0 0 1 0-6.5h5.5",
  outbox: "M4 14v5a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-5h-4.5l-1.5 2.5h-4L8.5 14zM12 11.5V3.5M8.5 7L12 3.5 15.5 7",
  load: "M2.5 16.5v-9a1 1 0 0 1 1-1H14v10M14 9.5h4l3.5 3.5v3.5h-2M9.5 16.5h5M2.5 16.5h2M7 19a2.2 2.2 0 1 0 0-4.4A2.2 2.2 0 0 0 7 19zM17 19a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  more: "M5.5 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2zM12 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2zM18.5 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2z",
  floor: "M3.5 20h4.5v-5h4.5v-5h4.5V5h4",
  refresh: "M19.5 5v5h-5M19 10a7.5 7.5 0 1 0 .3 4.5",
  bin: "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10.5 11v5.5M13.5 11v5.5",
  signal: "M5 18v-3M10 18v-6M15 18V9M20 18V5",
  noSignal: "M5 18v-3M10 18v-6M15 18v-2M20 18v-7M4 4l16 16",
  key: "M8 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12.5 12H21v3.5M17 12v2.5",
} as const;

export type IconName = keyof typeof paths;

export function icon(name: IconName): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${paths[name]}></path></svg>`;
}
