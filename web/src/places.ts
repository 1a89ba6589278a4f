// Where in the app the courier is. The place lives in the address after "#", so that a reload, a
// killed page or the phone's back gesture comes back to the same screen.

export const screenNames = [
  "sign-in", "install", "route", "load", "outbox", "more", "operation", "shift", "others", "diagnostics",
  "stop", "scan", "photo", "signature", "note", "deliver", "pick-up", "fail", "return",
] as const;

export type ScreenName = (typeof screenNames)[number];

export interface Place {
  screen: ScreenName;
  /** the stop, where the screen is about one */
  stop?: string;
  /** the operation, where the screen is about one */
  operation?: string;
}

export const home: Place = { screen: "route" };

function isScreenName(name: string | undefined): name is ScreenName {
  return screenNames.some((known) => known === name);
}

/** An address that means nothing leads home. */
export function placeOf(hash: string): Place {
  const [, name, id] = hash.split("/");
  if (!isScreenName(name)) return home;
  if (!id) return { screen: name };
  try {
    return { screen: name, [name === "operation" ? "operation" : "stop"]: decodeURIComponent(id) };
  } catch {
    return home;
  }
}

export function addressOf(place: Place): string {
  const id = place.operation ?? place.stop;
  const tail = id === undefined ? "" : `/${encodeURIComponent(id)}`;
  return `#/${place.screen}${tail}`;
}
