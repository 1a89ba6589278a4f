/** What this build is called: the same in the page and in the worker that were made together. */
declare const PANNIER_BUILD: string;
