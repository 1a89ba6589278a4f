// Waiting for a fact, never for time to pass.

/** Errors that a page in motion gives and that are gone at the next look. */
const passing = new Set(["StaleElementReferenceError", "NoSuchElementError", "ElementClickInterceptedError", "ElementNotInteractableError", "DetachedShadowRootError"]);

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/**
 * Asks until the answer is neither undefined, null nor false, and gives it. What throws ends the
 * wait at once, except for a page that is redrawing. Fails with the name of what was waited for.
 */
export async function until(ask, { what, ms = 10_000, every = 40 } = {}) {
  if (!what) throw new Error("until: say what is waited for");
  const deadline = performance.now() + ms;
  let last = "no answer yet";
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) return answer;
      last = `last answer: ${answer}`;
    } catch (error) {
      if (!passing.has(error?.name)) throw error;
      last = `last error: ${error.name}: ${String(error.message).split("\n")[0]}`;
    }
    if (performance.now() >= deadline) throw new Error(`waited ${ms} ms in vain for ${what} (${last})`);
    await pause(every);
  }
}

/** The promise's value, or a failure that names what took too long. */
export async function within(promise, { what, ms }) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms); });
  try { return await Promise.race([promise, late]); } finally { clearTimeout(timer); }
}
