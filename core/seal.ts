import { hkdfSync } from "node:crypto";
import { decrypt, encrypt, hmacSha256, sha256, type Resealed } from "./crypto.ts";

/** Keeps texts that may name persons so that only who has the key can read them. */
export interface Seal {
  /** Empty where there is no key: then nothing is kept. */
  seal(text: string): string;
  /** Null when it was not kept, or was sealed with a key that is not there any more. */
  open(sealed: string): string | null;
  /** The same text under the key that seals now. */
  reseal(sealed: string): Resealed<string>;
  /** Equal texts have equal digests, which do not reveal the text. */
  digest(text: string): string;
}

const mark = "sealed:";

/** Whether a stored text is sealed, in SQL and here alike. */
export const sealedLike = `${mark}%`;
export const isSealed = (text: string): boolean => text.startsWith(mark);

/**
 * Seals with the first key there is, and opens what any of them has sealed. `purpose` keeps one use from reading another's.
 * Digests have a key of their own, which can outlive those that seal.
 */
export function createSeal(
  keys: readonly (Buffer | null)[],
  purpose: string,
  hashingKey: Buffer | null = keys.find((key) => key !== null) ?? null,
): Seal {
  const derive = (key: Buffer, use: string) => Buffer.from(hkdfSync("sha256", key, "", `${use} ${purpose}`, 32));
  const derived = keys.filter((key) => key !== null).map((key) => derive(key, "seal"));
  const digestKey = hashingKey === null ? null : derive(hashingKey, "digest");
  const [first] = derived;
  const seal = (text: string) =>
    first === undefined || text === "" ? "" : mark + encrypt(first, Buffer.from(text), purpose).toString("base64");
  const tryToOpen = (sealed: string) => {
    const bytes = Buffer.from(sealed.slice(mark.length), "base64");
    for (const [index, key] of derived.entries()) {
      try {
        return { text: decrypt(key, bytes, purpose).toString("utf8"), isCurrent: index === 0 };
      } catch {
        // Another key's.
      }
    }
    return null;
  };
  return {
    seal,
    open(sealed) {
      if (sealed === "") return null;
      // From before texts were sealed.
      return sealed.startsWith(mark) ? (tryToOpen(sealed)?.text ?? null) : sealed;
    },
    reseal(sealed) {
      const opened = tryToOpen(sealed);
      if (opened === null) return { state: "unreadable" };
      return opened.isCurrent ? { state: "current" } : { state: "resealed", sealed: seal(opened.text) };
    },
    digest: (text) => (digestKey === null ? sha256(text) : hmacSha256(digestKey, text)),
  };
}
