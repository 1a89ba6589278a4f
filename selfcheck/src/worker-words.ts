// What the page asks of the check's worker. The same script is started twice: as a dedicated worker
// and as a small service worker; it tells by itself which one it is.

import type { Beats } from "./beats";

export interface Hello { scriptAt: number; boot: string }
export interface CoreStart { compiled: number; opened: number }

export interface Questions {
  /** when its script began, and a mark that is new with every start */
  hello: { ask: object; answer: Hello };
  echo: { ask: object; answer: true };
  /** starts the product's core on a database of its own; times count from the worker's beginning */
  core: { ask: { database: string; profile: string }; answer: CoreStart };
  /** answers once it holds the lock, which it keeps */
  lock: { ask: { lock: string }; answer: true };
  /** answers what it hears on this channel, on this channel */
  channel: { ask: { channel: string }; answer: true };
  /** begins to tick; answers at once */
  beat: { ask: object; answer: true };
  beats: { ask: object; answer: Beats };
  /** lets go of everything */
  end: { ask: object; answer: true };
}
export type QuestionName = keyof Questions;
export type Question = { [Name in QuestionName]: { type: Name } & Questions[Name]["ask"] }[QuestionName];
export type Reply = { value: unknown } | { error: { name: string; message: string } };

const ANSWER_MS_MAX = 10_000;

/** Asks a worker of either kind. */
export function ask<Name extends QuestionName>(
  worker: Pick<Worker, "postMessage">, type: Name, question: Questions[Name]["ask"], ms = ANSWER_MS_MAX,
): Promise<Questions[Name]["answer"]> {
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    const timer = setTimeout(() => { port1.close(); reject(new Error(`the worker does not answer to ${type}`)); }, ms);
    port1.onmessage = ({ data }: MessageEvent<Reply>) => {
      clearTimeout(timer);
      port1.close();
      if ("value" in data) return resolve(data.value as Questions[Name]["answer"]);
      const error = new Error(data.error.message);
      error.name = data.error.name;
      reject(error);
    };
    worker.postMessage({ type, ...question }, [port2]);
  });
}
