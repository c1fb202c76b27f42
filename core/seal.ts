import { hkdfSync } from "node:crypto";
import { decrypt, encrypt, hmacSha256, sha256 } from "./crypto.ts";

/** Keeps texts that may name persons so that only who has the key can read them. */
export interface Seal {
  /** Empty where there is no key: then nothing is kept. */
  seal(text: string): string;
  /** Null when it was not kept, or was sealed with a key that is not there any more. */
  open(sealed: string): string | null;
  /** Tells equal texts from others without giving away what they say. */
  digest(text: string): string;
}

const mark = "sealed:";

/** Whether a stored text is sealed, in SQL and here alike. */
export const sealedLike = `${mark}%`;

/** Seals with the first key there is, and opens what any of them has sealed. `purpose` keeps one use from reading another's. */
export function createSeal(keys: readonly (Buffer | null)[], purpose: string): Seal {
  const derived = keys
    .filter((key) => key !== null)
    .map((key) => Buffer.from(hkdfSync("sha256", key, "", `seal ${purpose}`, 32)));
  const [first] = derived;
  return {
    seal: (text) =>
      first === undefined || text === "" ? "" : mark + encrypt(first, Buffer.from(text), purpose).toString("base64"),
    open(sealed) {
      if (sealed === "") return null;
      // From before texts were sealed.
      if (!sealed.startsWith(mark)) return sealed;
      const bytes = Buffer.from(sealed.slice(mark.length), "base64");
      for (const key of derived) {
        try {
          return decrypt(key, bytes, purpose).toString("utf8");
        } catch {
          // Another key's.
        }
      }
      return null;
    },
    digest: (text) => (first === undefined ? sha256(text) : hmacSha256(first, text)),
  };
}
