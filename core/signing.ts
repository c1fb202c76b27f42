import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";

export interface SigningKey {
  /** What the public half is known by. */
  keyId: string;
  /** The public half as base64 of its SPKI form. */
  publicKey: string;
  /** Signs a text; base64. */
  sign: (text: string) => string;
}

/** From the base64 of a PKCS #8 form; null where it is no Ed25519 key. */
export function readSigningKey(text: string): SigningKey | null {
  try {
    const key = createPrivateKey({ key: Buffer.from(text, "base64"), format: "der", type: "pkcs8" });
    if (key.asymmetricKeyType !== "ed25519") return null;
    const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).toString("base64");
    return {
      keyId: keyIdOf(publicKey),
      publicKey,
      sign: (signed) => sign(null, Buffer.from(signed), key).toString("base64"),
    };
  } catch {
    return null;
  }
}

export const keyIdOf = (publicKey: string) =>
  createHash("sha256").update(Buffer.from(publicKey, "base64")).digest("hex").slice(0, 16);

/** A public key as it is published: base64 of its SPKI form, with or without the lines of PEM around it. */
export function readPublicKey(text: string): string | null {
  const base64 = text.replaceAll(/-----[A-Z ]+-----|\s/g, "");
  return publicKeyOf(base64) === null ? null : base64;
}

function publicKeyOf(base64: string): KeyObject | null {
  try {
    const key = createPublicKey({ key: Buffer.from(base64, "base64"), format: "der", type: "spki" });
    return key.asymmetricKeyType === "ed25519" ? key : null;
  } catch {
    return null;
  }
}

export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  const key = publicKeyOf(publicKey);
  const bytes = Buffer.from(signature, "base64");
  // What is no base64 would be left out in silence: another text than what was signed with.
  return key !== null && bytes.toString("base64") === signature && verify(null, Buffer.from(text), key, bytes);
}
