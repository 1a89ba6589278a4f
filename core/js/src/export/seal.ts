// A stream sealed to a public key: HPKE (RFC 9180) in its base mode, DHKEM(P-256, HKDF-SHA256),
// HKDF-SHA256, AES-256-GCM, by WebCrypto, which every browser has these parts of. The sender forgets
// the ephemeral key at once, so that nobody on this phone can open what was sealed on it.

import { PannierError } from "../error.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** Plain bytes in one sealed piece. */
const PIECE_BYTES = 1 << 18;
const MAGIC = "pannier-sealed-1";
const LAST = 0x8000_0000;


const ascii = (text: string): Bytes => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const be16 = (number: number): Bytes => new Uint8Array([number >> 8, number & 255]);

function joined(...parts: Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

const VERSION = ascii("HPKE-v1");
/** As HKDF does with no salt at all; some browsers refuse a key of no bytes. */
const NO_SALT = new Uint8Array(32);

const extract = (suite: Bytes, salt: Bytes, label: string, input: Bytes): Promise<Bytes> =>
  hmac(salt, joined(VERSION, suite, ascii(label), input));

/** At most 32 bytes: one block of HKDF. */
async function expand(suite: Bytes, secret: Bytes, label: string, info: Bytes, length: number): Promise<Bytes> {
  const block = await hmac(secret, joined(be16(length), VERSION, suite, ascii(label), info, new Uint8Array([1])));
  return block.slice(0, length);
}

const CURVE = { name: "ECDH", namedCurve: "P-256" };
const KEM = joined(ascii("KEM"), be16(0x0010));
const SUITE = joined(ascii("HPKE"), be16(0x0010), be16(0x0001), be16(0x0002));

async function publicKey(given: JsonWebKey | string): Promise<CryptoKey> {
  try {
    if (typeof given === "object") {
      // What the key may be used for is decided here; a private part has no place in an app.
      const { kty, crv, x, y, d } = given;
      if (d !== undefined) throw new Error("it is a private key");
      return await crypto.subtle.importKey("jwk", { kty, crv, x, y } as JsonWebKey, CURVE, true, []);
    }
    const text = given.replace(/-----[A-Z ]+-----|\s/gu, "");
    return await crypto.subtle.importKey("spki", ascii(atob(text)), CURVE, true, []);
  } catch (error) {
    throw new PannierError("seal_key_invalid", `the office's key is no public P-256 key as a JWK or PEM text: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A transform whose output is what docs/export.md calls a sealed export. */
export async function seal(to: JsonWebKey | string): Promise<TransformStream<Uint8Array, Uint8Array>> {
  const theirs = await publicKey(to);
  const theirBytes = new Uint8Array(await crypto.subtle.exportKey("raw", theirs));
  const own = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]) as CryptoKeyPair;
  const ephemeral = new Uint8Array(await crypto.subtle.exportKey("raw", own.publicKey));
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, own.privateKey, 256));

  const kem = await extract(KEM, NO_SALT, "eae_prk", shared);
  const secret = await expand(KEM, kem, "shared_secret", joined(ephemeral, theirBytes), 32);
  const none = new Uint8Array(0);
  const context = joined(
    new Uint8Array([0]),
    await extract(SUITE, NO_SALT, "psk_id_hash", none),
    await extract(SUITE, NO_SALT, "info_hash", ascii(MAGIC)),
  );
  const base = await extract(SUITE, secret, "secret", none);
  const key = await crypto.subtle.importKey("raw", await expand(SUITE, base, "key", context, 32), "AES-GCM", false, ["encrypt"]);
  const nonce = await expand(SUITE, base, "base_nonce", context, 12);

  let sequence = 0;
  async function piece(plain: Bytes, last: boolean): Promise<Bytes> {
    const iv = nonce.slice();
    const view = new DataView(iv.buffer);
    view.setUint32(8, view.getUint32(8) ^ sequence);
    sequence += 1;
    // Whether it is the last one is part of what is sealed: a cut file cannot pass for a whole one.
    const additionalData = new Uint8Array([last ? 1 : 0]);
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plain));
    const head = new DataView(new ArrayBuffer(4));
    head.setUint32(0, (sealed.byteLength | (last ? LAST : 0)) >>> 0);
    return joined(new Uint8Array(head.buffer), sealed);
  }

  let waiting: Uint8Array[] = [];
  let bytes = 0;
  return new TransformStream({
    async start(out) {
      out.enqueue(joined(ascii(MAGIC), new Uint8Array(await crypto.subtle.digest("SHA-256", theirBytes)), ephemeral));
    },
    async transform(chunk, out) {
      waiting.push(chunk);
      bytes += chunk.byteLength;
      if (bytes < PIECE_BYTES) return;
      let all = joined(...waiting);
      while (all.byteLength >= PIECE_BYTES) {
        out.enqueue(await piece(all.slice(0, PIECE_BYTES), false));
        all = all.slice(PIECE_BYTES);
      }
      waiting = [all];
      bytes = all.byteLength;
    },
    async flush(out) {
      out.enqueue(await piece(joined(...waiting), true));
    },
  });
}
