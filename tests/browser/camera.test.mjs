// Scanning: a printed label before the lens, and a hand scanner that types.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { burst, find, keys, says, showLabel, startSandbox, tap } from "./lib/index.mjs";
import { allSent, arrive, at, engines, on, signIn, toScanner, toStop, verdict, withCourier } from "./stories/courier.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import { labelPicture, labelVideo } from "./stories/labels.mjs";
import { operations } from "./stories/store.mjs";

const scansAt = async ({ driver }, stop) => (await operations(driver)).filter(({ intent }) => intent.kind === "scan" && intent.stop === stop);

for (const engine of engines) {
  test(`${engine}: the sandbox's printed labels before the camera`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "pannier-camera-"));
    const server = await startSandbox();
    try {
      // The label of stop 1's parcel, and one of stop 3's that lies in the wrong pile.
      const codes = ["PN-7H2K-0001", "PN-7H2K-0005"];
      const camera = engine === "chromium" ? await labelVideo(server, codes, { out: join(folder, "labels.y4m"), framesEach: 15 }) : undefined;
      await withCourier({ engine, server, browser: { camera } }, async (courier) => {
        const { driver } = courier;
        const hold = async (code) => { if (!camera) await showLabel(driver, await labelPicture(server, code)); };
        await signIn(courier);
        await arrive(courier, "st-01");
        await hold("PN-7H2K-0001");
        await toScanner(courier, "st-01");
        await find(driver, `${on("parcel-p-01")}[data-ticked=true]`, { ms: 30_000 });
        const [scan, ...more] = await scansAt(courier, "st-01");
        assert.deepEqual([scan.intent.code, scan.intent.source, more], ["PN-7H2K-0001", "camera", []]);

        await hold("PN-7H2K-0005");
        await verdict(courier, "bad", "belongs to stop 3, Renstiernas gata 22", { ms: 30_000 });
        await hold("PN-7H2K-0001");
        // Seen again and again, recorded once.
        // Labels that follow one another so fast may count as lying together.
        await says(driver, on("verdict"), /PN-7H2K-0001 is already scanned|scanned before/, { ms: 30_000 });
        assert.equal((await scansAt(courier, "st-01")).length, 1);
        assert.equal((await scansAt(courier, "st-03")).length, 0);

        await hold("PN-7H2K-0005");
        await tap(driver, on("open-other"), { ms: 30_000 });
        await at(courier, "#/stop/st-03");
        await allSent(courier);
        await exactlyOnce(courier);
      })();
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test(`${engine}: a label's bars before the camera`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "pannier-camera-"));
    const server = await startSandbox();
    try {
      const code = "PN-7H2K-0001";
      const camera = engine === "chromium" ? await labelVideo(server, [code], { out: join(folder, "bars.y4m"), bars: true, share: 0.95 }) : undefined;
      await withCourier({ engine, server, browser: { camera } }, async (courier) => {
        const { driver } = courier;
        await signIn(courier);
        await arrive(courier, "st-01");
        if (!camera) await showLabel(driver, await labelPicture(server, code, { bars: true }));
        await toScanner(courier, "st-01");
        await find(driver, `${on("parcel-p-01")}[data-ticked=true]`, { ms: 30_000 });
        const scans = await scansAt(courier, "st-01");
        assert.deepEqual(scans.map(({ intent }) => [intent.code, intent.source]), [[code, "camera"]]);
        await allSent(courier);
        await exactlyOnce(courier);
      })();
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test(`${engine}: a hand scanner that types`, withCourier({ engine }, async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await arrive(courier, "st-04");
    await toScanner(courier, "st-04");
    await find(driver, "video");
    await burst(driver, "PN-7H2K-0006");
    await verdict(courier, "good", "PN-7H2K-0006");
    await burst(driver, "PN-7H2K-0006");
    await verdict(courier, "known", "already scanned");
    await burst(driver, "PN-7H2K-0013");
    await verdict(courier, "bad", "belongs to stop 7");
    await burst(driver, "5712345678904");
    await verdict(courier, "bad", "on no stop of this route");
    const scans = await scansAt(courier, "st-04");
    assert.deepEqual(scans.map(({ intent }) => [intent.code, intent.source]), [["PN-7H2K-0006", "wedge"]]);
    // In a field the keys are the field's.
    await toStop(courier, "st-04");
    await tap(driver, on("note"));
    await tap(driver, on("note-text"));
    await keys(driver, "PN-7H2K-0007\uE007");
    assert.equal(await driver.executeScript("return document.querySelector(arguments[0]).value", on("note-text")), "PN-7H2K-0007\n");
    assert.equal((await scansAt(courier, "st-04")).length, 1);
    await allSent(courier);
    await exactlyOnce(courier);
  }));
}
