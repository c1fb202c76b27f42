import { randomBytes } from "node:crypto";
import { sha256 } from "../../core/crypto.ts";

/** Says what it is wherever it turns up, so that a leaked one is recognised. */
const prefix = "aff_";

export interface AffiliateKey {
  /** Shown once. */
  key: string;
  /** What is stored: the key has 256 random bits, so its hash needs no salt and can be looked up. */
  hash: string;
}

export function makeAffiliateKey(): AffiliateKey {
  const key = prefix + randomBytes(32).toString("base64url");
  return { key, hash: sha256(key) };
}

/** Null for what cannot be a key of ours: the database is not asked. */
export function hashAffiliateKey(key: string): string | null {
  return /^aff_[A-Za-z0-9_-]{43}$/.test(key) ? sha256(key) : null;
}
