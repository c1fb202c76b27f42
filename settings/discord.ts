import { createPublicKey, type KeyObject } from "node:crypto";
import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { address, defineArea } from "./shapes.ts";

const general = z.object({
  DISCORD_BASE_URL: address.default("https://discord.com/api/v10").meta(about("Where Discord's API is.")),
});

const ofClient = z.object({
  DISCORD_APPLICATION_ID: z
    .string()
    .regex(/^\d{1,20}$/, "must be a number")
    .optional()
    .meta(about("The application's id, as Discord's portal shows it.", { clients: "own" })),
  DISCORD_PUBLIC_KEY: z
    .string()
    .transform((hex, context) => {
      const key = parsePublicKey(hex);
      if (key === null) context.addIssue("must be 64 hex digits, as Discord's portal shows it");
      return key;
    })
    .optional()
    .meta(
      about(
        "Its public key in hex; the interactions endpoint is `https://<host>/hooks/discord`. Needs CREDENTIALS_ENCRYPTION_KEY.",
        { clients: "own", unset: "no slash command; `npm start` makes a key pair" },
      ),
    ),
  DISCORD_BOT_TOKEN: z
    .string()
    .min(1)
    .optional()
    .meta(
      about("Registers the slash command; only `npm run discord-commands` reads it.", {
        clients: "own",
        secret: true,
        needs: "`discord-commands`",
      }),
    ),
});

export const discordArea = defineArea({
  title: "Discord",
  needs: "worker, API",
  shape: general.extend(ofClient.shape),
});

/** One client's Discord application. */
export interface DiscordSettings {
  applicationId: string;
  /** What Discord signs every interaction with. */
  publicKey: KeyObject;
  /** Only for registering the command. */
  botToken: string | null;
}

export interface DiscordConfig {
  baseUrl: string;
  /** By client; one without a public key has no command. */
  applications: Map<string, DiscordSettings>;
}

/** DER says "an Ed25519 public key" in these bytes; Discord shows the 32 that follow, as hex. */
const ed25519Prefix = Buffer.from("302a300506032b6570032100", "hex");

export function readDiscordSettings(reader: SettingsReader): DiscordConfig {
  const { DISCORD_BASE_URL: baseUrl } = reader.values(general);
  const applications = new Map<string, DiscordSettings>();
  for (const client of reader.clients) {
    const own = reader.valuesOf(client, ofClient);
    const { DISCORD_PUBLIC_KEY: publicKey, DISCORD_APPLICATION_ID: applicationId, DISCORD_BOT_TOKEN: botToken } = own;
    if (publicKey == null) continue;
    if (reader.text(reader.nameFor(client, "DISCORD_APPLICATION_ID", "own")) === undefined)
      reader.problem("DISCORD_APPLICATION_ID is missing: DISCORD_PUBLIC_KEY needs it");
    if (applicationId === undefined) continue;
    if ([...applications.values()].some((other) => other.applicationId === applicationId))
      reader.problem("DISCORD_APPLICATION_ID: two clients must not share one");
    else applications.set(client, { applicationId, publicKey, botToken: botToken ?? null });
  }
  if (applications.size > 0 && reader.text("CREDENTIALS_ENCRYPTION_KEY") === undefined)
    reader.problem("CREDENTIALS_ENCRYPTION_KEY is missing: DISCORD_PUBLIC_KEY needs it");
  return { baseUrl, applications };
}

export function parsePublicKey(hex: string): KeyObject | null {
  if (!/^[0-9a-f]{64}$/i.test(hex)) return null;
  return createPublicKey({
    key: Buffer.concat([ed25519Prefix, Buffer.from(hex, "hex")]),
    format: "der",
    type: "spki",
  });
}
