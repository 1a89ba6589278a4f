// Switches of this phone that are no business of the core. They are lost in a private window,
// which is harmless.

export type Preference = "position" | "sound";

export function preference(name: Preference): boolean | undefined {
  try {
    const stored = localStorage.getItem(`courier.${name}`);
    return stored === null ? undefined : stored === "on";
  } catch {
    return undefined;
  }
}

export function prefer(name: Preference, on: boolean): void {
  try {
    localStorage.setItem(`courier.${name}`, on ? "on" : "off");
  } catch {
    // Storage is closed to the page: the switch holds until the page goes.
  }
}

/** The language that was chosen in More. */
export function preferredLanguage(): string | undefined {
  try {
    return localStorage.getItem("courier.language") ?? undefined;
  } catch {
    return undefined;
  }
}

export function preferLanguage(language: string | undefined): void {
  try {
    if (language === undefined) localStorage.removeItem("courier.language");
    else localStorage.setItem("courier.language", language);
  } catch {
    // As above.
  }
}

/** The same for the service worker, whose notifications speak it: the page's own switches are out of its reach, a cache is not. */
export async function leaveForWorker(language: string | undefined): Promise<void> {
  try {
    const kept = await caches.open("pannier-language");
    if (language === undefined) await kept.delete("/language");
    else await kept.put("/language", new Response(language));
  } catch {
    // Where there is no cache there is no worker.
  }
}
