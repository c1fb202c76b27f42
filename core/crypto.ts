import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";

const nonceBytes = 12;
const tagBytes = 16;

/** Exactly 32 bytes, written as base64 or as hex. */
export function parseKey(text: string): Buffer | null {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  const key = Buffer.from(text, "base64");
  return key.length === 32 ? key : null;
}

/** Random bytes are had many at a time: to ask for a few takes as long as to ask for a page of them. */
let pool = Buffer.alloc(0);
function nonce(): Buffer {
  if (pool.length < nonceBytes) pool = randomBytes(nonceBytes * 256);
  const taken = pool.subarray(0, nonceBytes);
  pool = pool.subarray(nonceBytes);
  return taken;
}

/** AES-256-GCM: nonce, ciphertext and tag in one piece. `context` must be the same to decrypt. */
export function encrypt(key: Buffer, plain: Uint8Array, context = ""): Buffer {
  const own = nonce();
  const cipher = createCipheriv("aes-256-gcm", key, own);
  cipher.setAAD(Buffer.from(context));
  return Buffer.concat([own, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Throws when the key, the context or a single bit is not the one that was encrypted. */
export function decrypt(key: Buffer, sealed: Uint8Array, context = ""): Buffer {
  const bytes = Buffer.from(sealed);
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes));
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, bytes.length - tagBytes)), decipher.final()]);
}

/** While a key is being changed there are two: `current` writes, both read. */
export interface KeyRing {
  current: Buffer;
  previous: Buffer | null;
}

export function keyRing(current: Buffer, previous: Buffer | null = null): KeyRing {
  return { current, previous };
}

/** What seals is derived: the bytes of a setting may also be what keyed hashes are made with, and no key serves both. */
export function sealingKey(key: Buffer): Buffer {
  const known = sealingKeys.get(key);
  if (known !== undefined) return known;
  const derived = Buffer.from(hkdfSync("sha256", key, "", "seal", 32));
  sealingKeys.set(key, derived);
  return derived;
}
/** To derive one takes longer than to seal with it. They go with the keys that they are of. */
const sealingKeys = new WeakMap<Buffer, Buffer>();

/** Sealed with the current key, bound to `context`. */
export function seal({ current }: KeyRing, plain: Uint8Array, context: string): Buffer {
  return encrypt(sealingKey(current), plain, context);
}

/** Opens what either key sealed; throws when neither did, or not in this context. */
export function openSealed(keys: KeyRing, sealed: Uint8Array, context: string): Buffer {
  const opened = tryToOpen(keys, sealed, context);
  if (opened === null) throw new Error("it was sealed with another key, or for another place");
  return opened.plain;
}

export type Resealed<Sealed extends Buffer | string = Buffer> =
  { state: "current" } | { state: "unreadable" } | { state: "resealed"; sealed: Sealed };

/** The same content under the current key. What is under it already stays as it is, so a repeat changes nothing. */
export function reseal(keys: KeyRing, sealed: Uint8Array, context: string): Resealed {
  const opened = tryToOpen(keys, sealed, context);
  if (opened === null) return { state: "unreadable" };
  return opened.isCurrent ? { state: "current" } : { state: "resealed", sealed: seal(keys, opened.plain, context) };
}

/** Earlier versions sealed with the bytes of the setting themselves. The tag says which of the keys it was. */
function tryToOpen({ current, previous }: KeyRing, sealed: Uint8Array, context: string) {
  const keys = [sealingKey(current), current, ...(previous === null ? [] : [sealingKey(previous), previous])];
  for (const [index, key] of keys.entries()) {
    try {
      return { plain: decrypt(key, sealed, context), isCurrent: index === 0 };
    } catch {
      continue;
    }
  }
  return null;
}

export function sha256(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex");
}

export function hmacSha256(key: string | Uint8Array, text: string): string {
  return createHmac("sha256", key).update(text).digest("hex");
}

/** Compares in constant time, also when the lengths differ. */
export function sameSecret(one: string, other: string): boolean {
  return timingSafeEqual(createHash("sha256").update(one).digest(), createHash("sha256").update(other).digest());
}
