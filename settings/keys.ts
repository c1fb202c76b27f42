import { z } from "zod";
import { keyRing, parseKey, type KeyRing } from "../core/crypto.ts";

const encryptionKey = z.string().transform((text, context) => {
  const key = parseKey(text);
  if (key === null) context.addIssue("must be 32 bytes as base64 or hex");
  return key;
});
const secret = z.string().min(32, "must have at least 32 characters");

/** Each has a `_PREVIOUS`, which reads and writes nothing: `npm run rotate` re-seals what it still opens. */
export const keySettings = {
  API_JWT_SECRET: secret.optional(),
  API_JWT_SECRET_PREVIOUS: secret.optional(),
  PAYLOAD_ENCRYPTION_KEY: encryptionKey.optional(),
  PAYLOAD_ENCRYPTION_KEY_PREVIOUS: encryptionKey.optional(),
  IDENTITY_ENCRYPTION_KEY: encryptionKey.optional(),
  IDENTITY_ENCRYPTION_KEY_PREVIOUS: encryptionKey.optional(),
  CREDENTIALS_ENCRYPTION_KEY: encryptionKey.optional(),
  CREDENTIALS_ENCRYPTION_KEY_PREVIOUS: encryptionKey.optional(),
  CREDENTIALS_HASHING_KEY: encryptionKey.optional(),
};

type KeyValues = z.infer<z.ZodObject<typeof keySettings>>;

export interface Keys {
  payloadKey: KeyRing | null;
  /** Seals what a delivery needs to know of a person; without it, none of it is kept. */
  identityKey: KeyRing | null;
  /** Seals the platforms' credentials and Discord's tokens; without it, none of them is kept. */
  credentialsKey: KeyRing | null;
  /** What affiliates' addresses and Discord accounts are known again by. It outlives the key that seals. */
  hashingKey: Buffer | null;
}

export function readKeys(values: KeyValues): Keys {
  const ring = (current: Buffer | null | undefined, previous: Buffer | null | undefined) =>
    current ? keyRing(current, previous ?? null) : null;
  return {
    payloadKey: ring(values.PAYLOAD_ENCRYPTION_KEY, values.PAYLOAD_ENCRYPTION_KEY_PREVIOUS),
    identityKey: ring(values.IDENTITY_ENCRYPTION_KEY, values.IDENTITY_ENCRYPTION_KEY_PREVIOUS),
    credentialsKey: ring(values.CREDENTIALS_ENCRYPTION_KEY, values.CREDENTIALS_ENCRYPTION_KEY_PREVIOUS),
    hashingKey: values.CREDENTIALS_HASHING_KEY ?? values.CREDENTIALS_ENCRYPTION_KEY ?? null,
  };
}

/** A previous key alone would open what nothing can be sealed with; a hash, unlike a seal, cannot be made again. */
export function problemsOfKeys(env: Record<string, string>): string[] {
  const previous = Object.keys(keySettings).filter((name) => name.endsWith("_PREVIOUS") && env[name] !== undefined);
  const needed = previous.map((name) => [name.replace(/_PREVIOUS$/, ""), name] as const);
  const problems = needed
    .filter(([current]) => env[current] === undefined)
    .map(([current, name]) => `${current} is missing: ${name} needs it`);
  if (env["CREDENTIALS_ENCRYPTION_KEY_PREVIOUS"] !== undefined && env["CREDENTIALS_HASHING_KEY"] === undefined)
    problems.push(
      "CREDENTIALS_HASHING_KEY is missing: CREDENTIALS_ENCRYPTION_KEY_PREVIOUS needs it. Set it to the first CREDENTIALS_ENCRYPTION_KEY there was, and keep it",
    );
  return problems;
}

/** As they were typed, to be kept out of logs. */
export const secretsOfKeys = (env: Record<string, string>) => Object.keys(keySettings).map((name) => env[name]);
