// Swedish, as couriers speak it.

import type { Texts } from "./en.js";
import { clockTime, count } from "./format.js";

const recordings = (n: number): string => count(n, "registrering", "registreringar");

/**
 * The texts in Swedish.
 * @example import { sv } from "pannier/texts/sv.js"; speak(sv);
 */
export const sv: Texts = {
  language: "sv",
  locale: "sv-SE",
  opening: "Öppnar",

  status: {
    signed_out: () => "Inte inloggad",
    sign_in: ({ waiting }) => (waiting === 0 ? "Logga in igen" : `Logga in igen för att skicka ${recordings(waiting)}`),
    needs_person: ({ parked, waiting }) => (waiting > parked ? `${count(parked, "registrering", "registreringar")} behöver dig; ${waiting} oskickade totalt` : `${recordings(parked)} behöver dig`),
    out_of_reach: ({ waiting }) => (waiting === 0 ? "Ingen kontakt; inget väntar" : `Ingen kontakt; ${recordings(waiting)} sparade i telefonen`),
    all_sent: () => "Allt är skickat",
    sending: ({ waiting }) => `Skickar; ${recordings(waiting)} kvar`,
    waiting: ({ waiting }) => `${recordings(waiting)} att skicka`,
  },

  contact: {
    unknown: (at) => (at === undefined ? "Ingen kontakt än" : `Senaste kontakt ${at}`),
    reachable: (at) => (at === undefined ? "Har kontakt" : `Kontakt ${at}`),
    unreachable: (at) => (at === undefined ? "Ingen kontakt än" : `Senaste kontakt ${at}`),
    offline: (at) => (at === undefined ? "Inget internet här" : `Inget internet här; senaste kontakt ${at}`),
    captive_portal: () => "Det här nätet vill att man loggar in",
    backend_down: (at) => (at === undefined ? "Internet fungerar, servern är tyst" : `Internet fungerar, servern är tyst sedan ${at}`),
    sign_in_needed: (at) => (at === undefined ? "Du behöver logga in" : `Senaste kontakt ${at}`),
    backend_trouble: (at) => (at === undefined ? "Servern har problem" : `Servern har problem; senaste kontakt ${at}`),
  },

  tried: {
    unknown: "Inte försökt än",
    reachable: "Servern svarade",
    unreachable: "Ingen kontakt med servern",
    offline: "Inget internet",
    captive_portal: "En inloggningssida svarade i serverns ställe",
    backend_down: "Appens egen server svarade, men inte den som tar emot",
    sign_in_needed: "Servern vill att du loggar in igen",
    backend_trouble: "Servern hade egna problem",
  },

  reminder: { title: "Inte skickat än", hint: "Öppna appen där det finns nät." },
  overdue: {
    title: "Öppna Pannier nära ett fönster",
    waits: ({ stops, operations, since }) => (stops > 0
      ? `${count(stops, "leverans", "leveranser")} väntar sedan ${clockTime(since)}`
      : `${recordings(operations)} väntar sedan ${clockTime(since)}`),
  },

  waits: (n) => `${n} väntar`,
  needsYou: (n) => `${n} behöver dig`,
};
