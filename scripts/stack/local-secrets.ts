import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

type Env = Record<string, string>;

/** Secrets of this machine's own stack, made once and kept where only their owner reads them. */
export interface LocalSecrets {
  /** Those that no setting of a person's replaces, as settings. */
  settings: Env;
  /** Of the role that only reads. */
  readerPassword: string;
}

export async function localSecrets(folder: string, set: Env): Promise<LocalSecrets> {
  const file = path.join(folder, "local-secrets.json");
  const kept = existsSync(file) ? (JSON.parse(await readFile(file, "utf8")) as Env) : {};
  const made = {
    API_JWT_SECRET: randomBytes(32).toString("base64url"),
    IDENTITY_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    ANYTRACK_WEBHOOK_SECRET: randomBytes(24).toString("base64url"),
    CREDENTIALS_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    READER_PASSWORD: randomBytes(18).toString("base64url"),
    STATEMENT_SIGNING_KEY: signingKey(),
    ...discordKeyPair(),
    // Takes a moment to make.
    GOOGLE_DEMO_PRIVATE_KEY: kept["GOOGLE_DEMO_PRIVATE_KEY"] ?? googlePrivateKey(),
    ...kept,
  };
  if (Object.keys(made).length > Object.keys(kept).length) await writeFile(file, JSON.stringify(made), { mode: 0o600 });
  const signsOtherwise = set["API_JWT_SECRET"] !== undefined || set["API_JWKS_URL"] !== undefined;
  const unset = (name: keyof typeof made) => (set[name] === undefined ? { [name]: made[name] } : {});
  return {
    readerPassword: made.READER_PASSWORD,
    settings: {
      ...(signsOtherwise ? {} : { API_JWT_SECRET: made.API_JWT_SECRET }),
      ...unset("IDENTITY_ENCRYPTION_KEY"),
      ...unset("CREDENTIALS_ENCRYPTION_KEY"),
      ...unset("STATEMENT_SIGNING_KEY"),
      ...(Object.keys(set).some((name) => name.startsWith("ANYTRACK_WEBHOOK_SECRET"))
        ? {}
        : { ANYTRACK_WEBHOOK_SECRET: made.ANYTRACK_WEBHOOK_SECRET }),
      ...unset("GOOGLE_DEMO_PRIVATE_KEY"),
      // Without an application of one's own, the demo signs as Discord does, with a key pair of this machine's.
      ...(set["DISCORD_PUBLIC_KEY"] === undefined
        ? {
            DISCORD_APPLICATION_ID: "1001",
            DISCORD_PUBLIC_KEY: made.DISCORD_PUBLIC_KEY,
            DISCORD_DEMO_PRIVATE_KEY: made.DISCORD_DEMO_PRIVATE_KEY,
          }
        : {}),
    },
  };
}

/** The public key as Discord's portal shows it, the private one as base64 of its PKCS #8 form. */
function discordKeyPair() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    DISCORD_PUBLIC_KEY: publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex"),
    DISCORD_DEMO_PRIVATE_KEY: privateKey.export({ format: "der", type: "pkcs8" }).toString("base64"),
  };
}

const signingKey = () =>
  generateKeyPairSync("ed25519").privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");

/** As base64 of its PKCS #8 form: Google's service accounts sign with RSA. */
function googlePrivateKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  return privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");
}
