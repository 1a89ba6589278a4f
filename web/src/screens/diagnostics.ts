// What an operator asks at night: when the app woke and why, what it found, what waited, and what
// runs on this phone. Taken out as a file that holds nothing about a person.

import { html, nothing, type TemplateResult } from "lit";
import type { Diagnostics, Reachability, Versions } from "pannier";
import { words } from "pannier/texts";
import { byteSize, clockTime, relativeTime, seconds, shown } from "../formats";
import { icon } from "../icons";
import { bar, button } from "../parts";
import { Screen } from "../screen";
import { texts } from "../texts";
import { bandOf, day, row, rows } from "../timeline";

const dayMs = 24 * 3_600_000;

function version({ app, core, schema, profile }: Versions): string {
  return shown([app, core, schema, profile].filter((part) => part !== undefined).join(" · "), 120);
}

export class DiagnosticsScreen extends Screen {
  #found: Diagnostics | undefined;
  #readAt = 0;

  protected async load(): Promise<void> {
    // Every change reads again; the worker need not be asked each time.
    if (this.#found && Math.abs(Date.now() - this.#readAt) < 1000) return;
    this.#readAt = Date.now();
    this.#found = await this.shell.api.diagnostics();
  }

  #wakes({ wakes, at }: Diagnostics): TemplateResult {
    const today = wakes.filter((wake) => (wake.until ?? wake.at) > at - dayMs);
    const t = texts.diagnostics;
    const states = [...new Set(today.map(({ reachability }) => reachability))];
    const name = (reachability: Reachability): string => words().tried[reachability] ?? reachability;
    const label = t.label(today.length, today.reduce((sum, { settled }) => sum + settled, 0));
    return html`<section class="card"><h2>${t.day}</h2>
      ${day(today, at, { label, rows: t.rows, waiting: t.waitingMost, storage: (now) => t.storageNow(byteSize(now)), reach: t.reach })}
      <ul class="legend">${states.map((reachability) => html`<li><span class="swatch ${bandOf[reachability] ?? "none"}"></span>${name(reachability)}</li>`)}</ul>
      <table data-test="wakes"><caption>${t.wakes}</caption>
        <thead><tr><th scope="col">${t.by}</th><th scope="col">${t.times}</th><th scope="col">${t.sent}</th><th scope="col">${t.longest}</th></tr></thead>
        <tbody>${rows.map((one) => {
          const of = today.filter((wake) => row(wake) === one);
          const times = of.reduce((sum, { again }) => sum + 1 + again, 0);
          const longest = Math.max(0, ...of.filter(({ again }) => again === 0).map(({ tookMs }) => tookMs));
          return html`<tr data-test="wakes-${one}"><th scope="row">${t.rows[one]}</th><td>${times}</td><td>${of.reduce((sum, { settled }) => sum + settled, 0)}</td><td>${seconds(longest)}</td></tr>`;
        })}</tbody></table></section>`;
  }

  #facts(found: Diagnostics): TemplateResult {
    const t = texts.diagnostics;
    const { storage, versions } = found;
    const stats = this.shell.scannerFigures;
    const fact = (test: string, name: string, value: string): TemplateResult => html`<div><dt>${name}</dt><dd data-test=${test}>${value}</dd></div>`;
    return html`<dl class="card figures">
      ${fact("waiting", t.waiting, t.waitingNow(found.waiting, found.oldestWaitingAt === undefined ? undefined : clockTime(found.oldestWaitingAt)))}
      ${fact("contact", t.contact, `${words().tried[found.reachability]}${found.lastReachedAt === undefined ? "" : ` · ${relativeTime(found.lastReachedAt)}`}`)}
      ${fact("storage", texts.more.storage, `${texts.storage[storage.kind]}${storage.usage === undefined || storage.quota === undefined ? "" : ` · ${texts.more.used(byteSize(storage.usage), byteSize(storage.quota))}`}`)}
      ${fact("version-page", t.page, version(versions.page))}
      ${fact("version-worker", t.worker, versions.worker ? version(versions.worker) : t.noWorker)}
      ${fact("restarts", t.restarts, String(versions.page.restarts))}
      ${fact("notifications", t.notifications, t.allowed[found.notifications])}
      ${stats?.openMs === undefined ? nothing : fact("camera-figures", t.camera, t.cameraFigures((stats.openMs / 1000).toFixed(1), stats.opened ?? 1))}
      ${stats ? fact("scanner-figures", t.scanner, t.scannerFigures(stats.fps.toFixed(0), stats.decodeMs.toFixed(0), `${stats.width} × ${stats.height}`, stats.foundBy)) : nothing}
    </dl>`;
  }

  /** A second tap is not needed: there is little to pack. */
  async #export(): Promise<void> {
    const found = await this.shell.api.diagnostics();
    const { scannerFigures: scanner } = this.shell;
    const name = `pannier-diagnostics-${new Date(found.at).toISOString().slice(0, 16).replaceAll(":", "")}.json`;
    const file = new File([JSON.stringify({ ...found, ...(scanner ? { scanner } : {}) }, undefined, 1)], name, { type: "application/json" });
    if (navigator.maxTouchPoints > 0 && navigator.canShare?.({ files: [file] })) {
      try {
        await navigator.share({ files: [file] });
        return;
      } catch (error) {
        // The courier changed his mind; any other refusal leaves saving.
        if (error instanceof DOMException && error.name === "AbortError") return;
      }
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  protected override render(): unknown {
    const found = this.#found;
    return html`${bar(texts.diagnostics.title, { screen: "more" })}
      <div class="content">${found ? html`${this.#wakes(found)}${this.#facts(found)}
        ${button({ test: "export-diagnostics", label: texts.diagnostics.export, hint: texts.diagnostics.exportHint, icon: "outbox", busy: this.busy, tap: () => void this.act("export-diagnostics", () => this.#export()) })}`
      : html`<p class="quiet">${icon("waiting")}${texts.start.opening}</p>`}</div>`;
  }
}
customElements.define("courier-diagnostics", DiagnosticsScreen);
