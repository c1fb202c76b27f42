import { z } from "zod";
import { about } from "../core/about-setting.ts";
import { keyRing, parseKey, type KeyRing } from "../core/crypto.ts";
import { readSigningKey, type SigningKey } from "../core/signing.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea } from "./shapes.ts";

const encryptionKey = z
  .string()
  .transform((text, context) => {
    const key = parseKey(text);
    if (key === null) context.addIssue("must be 32 bytes as base64 or hex");
    return key;
  })
  .optional();

const signingKey = z
  .string()
  .transform((text, context) => {
    const key = readSigningKey(text);
    if (key === null) context.addIssue("must be an Ed25519 key in its PKCS #8 form, as base64");
    return key;
  })
  .optional();

const before = "The one before, which still reads: see “Changing a key” in operations.md.";

/** Each has a `_PREVIOUS`, which reads and writes nothing: `npm run rotate` re-seals what it still opens. */
export const keysArea = defineArea({
  title: "Encryption keys",
  needs: "worker, API",
  shape: z.object({
    PAYLOAD_ENCRYPTION_KEY: encryptionKey.meta(
      about(
        "Encrypts everything Temporal stores; 32 bytes as base64 or hex, made with `openssl rand -base64 32`. Keep it: without it nothing stored with it can be read.",
        { secret: true, unset: "stored in clear" },
      ),
    ),
    PAYLOAD_ENCRYPTION_KEY_PREVIOUS: encryptionKey.meta(about(before, { secret: true })),
    IDENTITY_ENCRYPTION_KEY: encryptionKey.meta(
      about(
        "Seals what a destination is sent about a person until it is delivered, seven days at most; without it nothing of a person is kept, and Meta gets the hash of the click's id alone.",
        { secret: true, unset: "`npm start` makes one" },
      ),
    ),
    IDENTITY_ENCRYPTION_KEY_PREVIOUS: encryptionKey.meta(about(before, { secret: true })),
    CREDENTIALS_ENCRYPTION_KEY: encryptionKey.meta(
      about(
        "Seals the platforms' credentials, Discord's tokens, evidence and rejected lines; without it none is kept.",
        {
          secret: true,
          unset: "`npm start` makes one",
        },
      ),
    ),
    CREDENTIALS_ENCRYPTION_KEY_PREVIOUS: encryptionKey.meta(about(before, { secret: true })),
    CREDENTIALS_HASHING_KEY: encryptionKey.meta(
      about(
        "Hashes affiliates' e-mail addresses and Discord accounts; set it to the first CREDENTIALS_ENCRYPTION_KEY before that is changed, and keep it, or accounts have to be linked again.",
        { secret: true, unset: "CREDENTIALS_ENCRYPTION_KEY" },
      ),
    ),
    STATEMENT_SIGNING_KEY: signingKey.meta(
      about(
        "Signs payout statements when a month is closed; an Ed25519 key, made with `openssl genpkey -algorithm ed25519 -outform DER | base64 -w0`. Statements name the key that signed them, so a new one does no harm to old ones.",
        { secret: true, unset: "`npm start` makes one; elsewhere no month can be closed" },
      ),
    ),
  }),
});

export interface Keys {
  payloadKey: KeyRing | null;
  /** Seals what a delivery needs to know of a person; without it, none of it is kept. */
  identityKey: KeyRing | null;
  /** Seals the platforms' credentials and Discord's tokens; without it, none of them is kept. */
  credentialsKey: KeyRing | null;
  /** What affiliates' addresses and Discord accounts are known again by. It outlives the key that seals. */
  hashingKey: Buffer | null;
  /** Signs payout statements; without it no month is closed. */
  statementKey: SigningKey | null;
}

export function readKeys(reader: SettingsReader): Keys {
  const values = reader.values(keysArea.shape);
  // A previous key alone would open what nothing can be sealed with; a hash, unlike a seal, cannot be made again.
  for (const name of ["PAYLOAD_ENCRYPTION_KEY", "IDENTITY_ENCRYPTION_KEY", "CREDENTIALS_ENCRYPTION_KEY"] as const)
    if (values[`${name}_PREVIOUS`] !== undefined && reader.text(name) === undefined)
      reader.problem(`${name} is missing: ${name}_PREVIOUS needs it`);
  if (values.CREDENTIALS_ENCRYPTION_KEY_PREVIOUS !== undefined && reader.text("CREDENTIALS_HASHING_KEY") === undefined)
    reader.problem(
      "CREDENTIALS_HASHING_KEY is missing: CREDENTIALS_ENCRYPTION_KEY_PREVIOUS needs it. Set it to the first CREDENTIALS_ENCRYPTION_KEY there was, and keep it",
    );
  const ring = (current: Buffer | null | undefined, previous: Buffer | null | undefined) =>
    current ? keyRing(current, previous ?? null) : null;
  return {
    payloadKey: ring(values.PAYLOAD_ENCRYPTION_KEY, values.PAYLOAD_ENCRYPTION_KEY_PREVIOUS),
    identityKey: ring(values.IDENTITY_ENCRYPTION_KEY, values.IDENTITY_ENCRYPTION_KEY_PREVIOUS),
    credentialsKey: ring(values.CREDENTIALS_ENCRYPTION_KEY, values.CREDENTIALS_ENCRYPTION_KEY_PREVIOUS),
    hashingKey: values.CREDENTIALS_HASHING_KEY ?? values.CREDENTIALS_ENCRYPTION_KEY ?? null,
    statementKey: values.STATEMENT_SIGNING_KEY ?? null,
  };
}
