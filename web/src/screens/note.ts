// A note for the stop, kept in the draft as it is typed.

import { html, nothing, type TemplateResult } from "lit";
import type { StopView } from "pannier";
import { shownLines } from "../formats";
import { bar, button, field, permitted } from "../parts";
import { StopScreen } from "../screen";
import { texts } from "../texts";

export class NoteScreen extends StopScreen {
  #save(): Promise<void> {
    return this.act("save-note", async () => {
      const receipt = await this.shell.record({ kind: "note", stop: this.stopId, text: this.draft.fields.note ?? "" });
      this.shell.saved(receipt);
      await this.draft.change({ note: undefined });
      this.backToStop();
    });
  }

  protected view(stop: StopView): TemplateResult {
    return html`${bar(texts.note.title, { screen: "stop", stop: stop.id })}
      <div class="content">
        ${field({ test: "note-text", label: texts.note.label, value: this.draft.fields.note ?? "", lines: 6, change: (value) => this.draft.changeSoon({ note: value }) })}
        <p class="quiet">${texts.note.kept}</p>
        ${stop.notes.length > 0 ? html`<section><h2>${texts.note.earlier}</h2>${stop.notes.map((note) => html`<p class="card lines">${shownLines(note)}</p>`)}</section>` : nothing}
      </div>
      <footer class="actions">${button({ test: "save-note", label: texts.note.save, kind: "primary", icon: "check", busy: this.busy, ...permitted(stop.can.note), tap: () => void this.#save() })}</footer>`;
  }
}
customElements.define("courier-note", NoteScreen);
