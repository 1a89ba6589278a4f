// The last known position, for the courier who allows it. Nothing ever waits for a fix: what is
// recorded carries the newest one with its age, or none.

import type { Position } from "pannier";
import { prefer, preference } from "./preferences";

export class Positions {
  #watch: number | undefined;
  #fix: GeolocationPosition | undefined;
  /** the phone has refused */
  denied = false;
  on = false;

  /** Watches when the phone has said yes before and the courier did not switch it off. */
  async begin(): Promise<void> {
    if (preference("position") === false || !("geolocation" in navigator)) return;
    if (preference("position") === true) return this.#start();
    try {
      const permission = await navigator.permissions.query({ name: "geolocation" });
      if (permission.state === "granted") this.#start();
    } catch {
      // No permissions interface: the switch decides alone.
    }
  }

  turn(on: boolean): void {
    prefer("position", on);
    if (on) this.#start();
    else this.#stop();
  }

  last(): Position | undefined {
    if (!this.#fix) return undefined;
    const { latitude, longitude, accuracy } = this.#fix.coords;
    return { lat: latitude, lon: longitude, accuracyM: accuracy, ageMs: Math.max(0, Date.now() - this.#fix.timestamp) };
  }

  #start(): void {
    this.on = true;
    this.denied = false;
    if (this.#watch !== undefined || !("geolocation" in navigator)) return;
    this.#watch = navigator.geolocation.watchPosition(
      (fix) => { this.#fix = fix; this.denied = false; },
      (error) => {
        if (error.code !== error.PERMISSION_DENIED) return;
        this.#stop();
        this.denied = true;
      },
      { enableHighAccuracy: true, maximumAge: 30_000 },
    );
  }

  #stop(): void {
    this.on = false;
    if (this.#watch !== undefined) navigator.geolocation.clearWatch(this.#watch);
    this.#watch = undefined;
    this.#fix = undefined;
  }
}
