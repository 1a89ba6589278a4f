// From what the core says to the sentence that a person reads.

import type { AttemptView, Choice, Notice, OutboxItem, Permission, Reason, RouteNews, RouteRefresh, ScanMeaning, Status, Title } from "../types.js";
import { words } from "./index.js";
import type { Text, Values } from "./en.js";

/** A text with its values. */
function filled<V>(text: Text<V>, values: V): string {
  return typeof text === "function" ? text(values) : text;
}

/** The text of a code that may be none of the table's. */
function known<V>(table: Record<string, Text<V>>, code: string, values: V): string | undefined {
  const text = Object.hasOwn(table, code) ? table[code] : undefined;
  return text === undefined ? undefined : filled(text, values);
}

/**
 * The bar's line.
 * @example bar.textContent = statusText(await pannier.status());
 */
export function statusText(status: Status): string {
  return filled(words().status[status.said], status);
}

/**
 * What was done, as "Delivered to Anna Berg".
 * @example line.textContent = titleText(item.title);
 */
export function titleText(title: Title): string {
  // Each code's text takes that code's values, which TypeScript cannot follow through the table.
  return filled(words().title[title.code] as Text<Title>, title);
}

/**
 * Where an operation stands.
 * @example state.textContent = itemText(item);
 */
export function itemText(item: Pick<OutboxItem, "said" | "setAside">): string {
  return filled(words().item[item.said], item);
}

/**
 * Why an operation is not settled.
 * @example if (item.reason) why.textContent = reasonText(item.reason);
 */
export function reasonText(reason: Reason): string {
  return known(words().reason, reason.code, reason) ?? words().otherReason(reason);
}

/**
 * What one try came to.
 * @example const { attempts } = await pannier.history(item.id); list.append(...attempts.map(attemptText));
 */
export function attemptText({ verdict, endedAt }: AttemptView): string {
  const texts = words();
  if (verdict === undefined) return endedAt === undefined ? texts.noAnswerYet : texts.endedWithout;
  return known<undefined>(texts.attempt, verdict, undefined) ?? texts.endedWithout;
}

/**
 * What a person should know although nothing waits for him.
 * @example for (const notice of await pannier.notices()) show(noticeText(notice));
 */
export function noticeText(notice: Notice): string {
  const texts = words();
  const what = known(texts.stopNotice, notice.code, notice) ?? reasonText({ code: notice.code, ...(notice.times === undefined ? {} : { times: notice.times }) });
  const kind = notice.kind === undefined ? undefined : known<undefined>(texts.kind, notice.kind, undefined) ?? notice.kind;
  const about = [kind, notice.place && texts.place(notice.place)].filter((part) => part !== undefined).join(", ");
  return about ? `${about}: ${what}` : what;
}

/**
 * What a newer route changed.
 * @example const { changes } = await pannier.route(); for (const news of changes) show(newsText(news));
 */
export function newsText(news: RouteNews): string {
  return `${words().place(news.place)}: ${filled(words().routeNews[news.code], news)}`;
}

/**
 * What a code in front of the camera means.
 * @example show(meaningText(await pannier.meaning(code)));
 */
export function meaningText(meaning: ScanMeaning): string {
  return filled(words().meaning[meaning.verdict], meaning);
}

/**
 * What came of asking for the route.
 * @example show(refreshText(await pannier.refreshRoute()));
 */
export function refreshText(refresh: RouteRefresh): string {
  return filled(words().refresh[refresh.outcome], refresh);
}

/**
 * Why something may not be done now; nothing where it may.
 * @example button.title = refusalText(stop.can.deliver) ?? "";
 */
export function refusalText({ code, values }: Permission): string | undefined {
  return code === undefined ? undefined : codeText(code, values);
}

/**
 * A reason to choose, in the language that is spoken where the profile has it, else as it is.
 * @example for (const reason of stop.reasons.fail) option.textContent = choiceText(reason);
 */
export function choiceText({ text, texts = {} }: Choice): string {
  const tag = words().locale;
  return [tag, tag.split("-")[0]].map((one) => (one && Object.hasOwn(texts, one) ? texts[one] : undefined)).find((one) => one !== undefined) ?? text;
}

function codeText(code: string, values: Values = {}): string {
  return known(words().error, code, values) ?? words().otherError(code);
}

/**
 * Any error as a sentence for a person; its `message` is for developers.
 * @example pannier.record(intent).catch((error) => show(errorText(error)));
 */
export function errorText(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return codeText("unexpected");
  return codeText(error.code, valuesOf(error));
}

const valuesOf = (error: Error): Values => ("values" in error && typeof error.values === "object" && error.values !== null ? error.values as Values : {});

/** What a courier can do nothing about, beside whatever has no sentence of its own. */
const forTheOffice = /^(?:profile_|route_|secret_|server_|sign_in_unreadable|record_unreadable|storage_failed)/;

/**
 * What the office needs to know of an error, beside what the person is told: code, what is wrong, in English, and what it names. Nothing where
 * the sentence says it all.
 * @example details.textContent = officeText(error) ?? "";
 */
export function officeText(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  if (!forTheOffice.test(error.code) && Object.hasOwn(words().error, error.code)) return undefined;
  const values = Object.entries(valuesOf(error)).map(([name, value]) => `${name}: ${String(value)}`).join(", ");
  return `${error.code}: ${error.message}${values ? ` (${values})` : ""}`;
}
