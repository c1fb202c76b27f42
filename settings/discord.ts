import { createPublicKey, type KeyObject } from "node:crypto";
import type { ReadSetting } from "./shapes.ts";

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

/** Discord's settings by client. Problems are added to the list. */
export function readDiscordSettings(
  env: Record<string, string>,
  clients: readonly string[],
  read: ReadSetting,
  problems: string[],
): DiscordConfig {
  const baseUrl = env["DISCORD_BASE_URL"] ?? "https://discord.com/api/v10";
  if (!URL.canParse(baseUrl)) problems.push("DISCORD_BASE_URL: must be an address");
  const applications = new Map<string, DiscordSettings>();
  for (const client of clients) {
    const hex = read("DISCORD_PUBLIC_KEY", client, "own");
    if (hex === undefined) continue;
    const publicKey = parsePublicKey(hex);
    const applicationId = read("DISCORD_APPLICATION_ID", client, "own");
    if (publicKey === null) problems.push("DISCORD_PUBLIC_KEY: must be 64 hex digits, as Discord's portal shows it");
    else if (applicationId === undefined)
      problems.push("DISCORD_APPLICATION_ID is missing: DISCORD_PUBLIC_KEY needs it");
    else if (!/^\d{1,20}$/.test(applicationId)) problems.push("DISCORD_APPLICATION_ID: must be a number");
    else if ([...applications.values()].some((other) => other.applicationId === applicationId))
      problems.push("DISCORD_APPLICATION_ID: two clients must not share one");
    else
      applications.set(client, {
        applicationId,
        publicKey,
        botToken: read("DISCORD_BOT_TOKEN", client, "own") ?? null,
      });
  }
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
