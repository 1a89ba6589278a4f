// The day's route: every stop in its order with its state, and how far the day has come.

import { html, nothing, type PropertyValues } from "lit";
import type { RouteView, StopView } from "pannier";
import { newsText, refreshText } from "pannier/texts";
import { calendarDay, clockTime, shown, timeSpan } from "../formats";
import { icon } from "../icons";
import { bar, button, empty, placeLine, stopChip, tabs } from "../parts";
import { addressOf } from "../places";
import { Screen } from "../screen";
import { texts } from "../texts";

/** A route of thousands of stops is shown in pieces. */
const pieceLength = 100;

/** Where the list was when the courier left it for a stop. */
let scrolledTo: number | undefined;

export class RouteScreen extends Screen {
  #route: RouteView | undefined;
  #shownStops = pieceLength;
  #asked = false;
  #placed = false;

  protected async load(): Promise<void> {
    this.#route = await this.shell.api.route();
    // After the first sign-in there is nothing to show yet, so it is fetched unasked, once.
    if (this.#route.fetchedAt === undefined && !this.#asked) {
      this.#asked = true;
      void this.#fetch();
    }
  }

  #fetch(): Promise<void> {
    return this.act("fetch-route", async () => {
      const refresh = await this.shell.api.refreshRoute();
      if (refresh.outcome !== "updated" || refresh.unreadable > 0 || refresh.kept) this.shell.failed(refreshText(refresh));
      await this.refresh();
    });
  }

  protected override updated(_changed: PropertyValues): void {
    if (this.#placed || !this.#route || this.#route.stops.length === 0) return;
    this.#placed = true;
    // For `npm run bench:start`: the stops are on the screen and can be tapped.
    requestAnimationFrame(() => performance.mark("pannier-usable"));
    const list = this.querySelector(".content");
    if (!list) return;
    if (scrolledTo !== undefined) {
      list.scrollTop = scrolledTo;
      return;
    }
    const first = this.#route.stops.findIndex((stop) => stop.state !== "done" && stop.state !== "waiting");
    if (first > 1 && first < pieceLength) this.querySelectorAll(".stop")[first - 1]?.scrollIntoView({ block: "start" });
  }

  #stop(stop: StopView): unknown {
    const { address } = stop;
    return html`<li><a class="stop card ${stop.state}" href=${addressOf({ screen: "stop", stop: stop.id })} data-test="stop-${stop.id}" data-state=${stop.state}>
      <span class="sequence">${stop.sequence}</span>
      <span class="what">
        <span class="line strong street">${shown(address.street, 80)}</span>
        <span class="line">${shown(address.name, 80)}</span>
        <span class="line quiet">${placeLine(stop)}</span>
        <span class="facts">
          ${stop.window ? html`<span class="fact strong">${icon("waiting")}${timeSpan(stop.window.from, stop.window.to)}</span>` : nothing}
          <span class="fact">${icon(stop.kind === "pickup" ? "pickup" : "parcel")}${stop.kind === "pickup" ? `${texts.route.pickup}, ` : nothing}${texts.route.parcels(stop.parcels.length)}</span>
          ${address.doorCode ? html`<span class="fact badge">${icon("door")}${texts.route.doorCode(shown(address.doorCode, 16))}</span>` : nothing}
        </span>
        <span class="facts">${stopChip(stop)}
          ${stop.waiting > 0 ? html`<span class="fact">${icon("outbox")}${texts.route.waiting(stop.waiting)}</span>` : nothing}</span>
      </span>
    </a></li>`;
  }

  #changes(route: RouteView): unknown {
    if (route.changes.length === 0) return nothing;
    return html`<section class="notice" data-test="changes" aria-labelledby="changes">${icon("refresh")}<div><h2 id="changes">${texts.route.changed}</h2>
      <ul>${route.changes.map((news) => html`<li data-test="change-${news.stop}" data-code=${news.code}>${shown(newsText(news), 200)}</li>`)}</ul></div></section>`;
  }

  #progress(route: RouteView): unknown {
    const done = route.stops.filter((stop) => stop.state === "done").length;
    const waiting = route.stops.filter((stop) => stop.state === "waiting").length;
    const total = route.stops.length;
    return html`<div class="progress">
      <svg viewBox="0 0 ${total} 1" preserveAspectRatio="none" aria-hidden="true"><rect class="waiting" width=${done + waiting} height="1"></rect><rect class="done" width=${done} height="1"></rect></svg>
      <p><span class="strong">${texts.route.stopsDone(done, total)}</span>
        ${waiting > 0 ? html`<span class="strong waits">${icon("waiting")}${texts.route.stopsWaiting(waiting)}</span>` : nothing}
        <span class="quiet">${texts.route.parcelsDone(route.parcels.done, route.parcels.total)}</span></p></div>`;
  }

  protected override render(): unknown {
    const route = this.#route;
    if (!route) return html`${bar(texts.route.title)}<div class="content"></div>${tabs("route", this.shell.status)}`;
    const fetching = this.busy === "fetch-route";
    const fetched = fetching ? texts.route.fetching : route.fetchedAt === undefined ? "" : texts.route.fetched(clockTime(route.fetchedAt));
    const again = html`<button type="button" class="button quiet fetch" data-test="fetch-route" ?disabled=${fetching} aria-busy=${fetching ? "true" : nothing} @click=${() => this.#fetch()}>
      ${fetching ? html`<span class="spinner" aria-hidden="true"></span>` : icon("refresh")}<span class="words"><span class="label">${texts.route.fetch}</span><small>${fetched}</small></span></button>`;
    const stops = route.stops.slice(0, this.#shownStops);
    return html`${bar(route.date ? calendarDay(route.date) : texts.route.title, undefined, route.stops.length > 0 ? again : nothing)}
      <div class="content" @scroll=${(event: Event) => { if (event.target instanceof Element) scrolledTo = event.target.scrollTop; }}>
        ${route.stops.length === 0
          ? html`${empty("route", texts.route.empty, texts.route.emptyHint)}${button({ test: "fetch-route", label: texts.route.fetchFirst, kind: "primary", icon: "refresh", busy: this.busy, tap: () => void this.#fetch() })}`
          : this.#progress(route)}
        ${this.#changes(route)}
        <ol class="stops">${stops.map((stop) => this.#stop(stop))}</ol>
        ${route.stops.length > stops.length
          ? button({ test: "more-stops", label: texts.common.showMore, tap: () => { this.#shownStops += pieceLength; this.requestUpdate(); } })
          : nothing}
      </div>
      ${tabs("route", this.shell.status)}`;
  }
}
customElements.define("courier-route", RouteScreen);
