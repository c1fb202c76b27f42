import type { ReadSetting } from "./shapes.ts";

/** Where AnyTrack receives the conversions we send. */
export interface CollectSettings {
  baseUrl: string;
  accountId: string;
  integration: string;
}

export interface AnytrackSettings {
  /** A touchpoint this much older than another counts half as much in the model time_decay. */
  halfLifeDays: number;
  webhookPerMinute: number;
  /** The secret in the webhook's address, by client; a client without one has no webhook. */
  webhookSecrets: Map<string, string>;
  /** By client; one without an integration sends AnyTrack nothing. */
  collect: Map<string, CollectSettings>;
}

/** What AnyTrack has beside the account of its pull client. Problems are added to the list. */
export function readAnytrackSettings(
  env: Record<string, string>,
  clients: readonly string[],
  read: ReadSetting,
  problems: string[],
): AnytrackSettings {
  const number = (name: string, otherwise: number, isGood: (value: number) => boolean, wanted: string) => {
    const text = env[name];
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (isGood(value)) return value;
    problems.push(`${name}: must be ${wanted}`);
    return otherwise;
  };
  const webhookSecrets = new Map<string, string>();
  const collect = new Map<string, CollectSettings>();
  for (const client of clients) {
    const secret = read("ANYTRACK_WEBHOOK_SECRET", client, "own");
    if (secret !== undefined) {
      if (!/^[A-Za-z0-9._~-]{24,200}$/.test(secret))
        problems.push("ANYTRACK_WEBHOOK_SECRET: must have 24 to 200 letters, digits, - . _ or ~");
      else if ([...webhookSecrets.values()].includes(secret))
        problems.push("ANYTRACK_WEBHOOK_SECRET: two clients must not share one");
      else webhookSecrets.set(client, secret);
    }
    const integration = read("ANYTRACK_INTEGRATION", client, "own");
    if (integration === undefined) continue;
    const accountId = read("ANYTRACK_ACCOUNT_ID", client, "own");
    const baseUrl = read("ANYTRACK_COLLECT_URL", client, "shared") ?? "https://t1.anytrack.io";
    if (accountId === undefined) problems.push("ANYTRACK_ACCOUNT_ID is missing: ANYTRACK_INTEGRATION needs it");
    else if (!URL.canParse(baseUrl)) problems.push("ANYTRACK_COLLECT_URL: must be an address");
    else collect.set(client, { baseUrl, accountId, integration });
  }
  return {
    halfLifeDays: number(
      "ANYTRACK_HALF_LIFE_DAYS",
      7,
      (value) => value > 0 && value <= 365,
      "a number of days, above 0, at most 365",
    ),
    webhookPerMinute: number(
      "ANYTRACK_WEBHOOK_PER_MINUTE",
      60_000,
      (value) => Number.isInteger(value) && value >= 1,
      "a whole number, at least 1",
    ),
    webhookSecrets,
    collect,
  };
}
