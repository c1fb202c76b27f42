import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { address, defineArea, wholeNumber } from "./shapes.ts";

const halfLife = "must be a number of days, above 0, at most 365";

const general = z.object({
  ANYTRACK_HALF_LIFE_DAYS: z.coerce
    .number({ error: halfLife })
    .gt(0, halfLife)
    .max(365, halfLife)
    .default(7)
    .meta(
      about("In the model time_decay a touchpoint this much older than another counts half as much.", {
        unit: "days",
      }),
    ),
  ANYTRACK_WEBHOOK_PER_MINUTE: wholeNumber(1)
    .default(60_000)
    .meta(about("Events that a client's webhook may bring.", { unit: "a minute", needs: "API" })),
});

const ofClient = z.object({
  ANYTRACK_WEBHOOK_SECRET: z
    .string()
    .regex(/^[A-Za-z0-9._~-]{24,200}$/, "must have 24 to 200 letters, digits, - . _ or ~")
    .optional()
    .meta(
      about(
        "Opens the webhook: register `https://<host>/hooks/anytrack/<secret>` at AnyTrack; 24 to 200 letters and digits.",
        {
          clients: "own",
          secret: true,
          unset: "no webhook; `npm start` makes one",
          needs: "API",
        },
      ),
    ),
  ANYTRACK_ACCOUNT_ID: z
    .string()
    .min(1)
    .optional()
    .meta(about("The account, in AnyTrack's collect address and its pull API.", { clients: "own" })),
  ANYTRACK_INTEGRATION: z
    .string()
    .min(1)
    .optional()
    .meta(
      about("The integration's slug in the collect address that conversions are sent to.", {
        clients: "own",
        unset: "nothing is sent",
      }),
    ),
  ANYTRACK_COLLECT_URL: address
    .default("https://t1.anytrack.io")
    .meta(about("Where conversions are sent to AnyTrack.", { clients: "shared" })),
});

export const anytrackArea = defineArea({
  title: "AnyTrack",
  needs: "worker, API",
  shape: general.extend(ofClient.shape),
});

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

/** What AnyTrack has beside the account of its pull client. */
export function readAnytrackSettings(reader: SettingsReader): AnytrackSettings {
  const values = reader.values(general);
  const webhookSecrets = new Map<string, string>();
  const collect = new Map<string, CollectSettings>();
  for (const client of reader.clients) {
    const own = reader.valuesOf(client, ofClient);
    const { ANYTRACK_WEBHOOK_SECRET: secret, ANYTRACK_INTEGRATION: integration, ANYTRACK_ACCOUNT_ID: accountId } = own;
    if (secret !== undefined && [...webhookSecrets.values()].includes(secret))
      reader.problem("ANYTRACK_WEBHOOK_SECRET: two clients must not share one");
    else if (secret !== undefined) webhookSecrets.set(client, secret);
    if (integration === undefined) continue;
    if (accountId === undefined) reader.problem("ANYTRACK_ACCOUNT_ID is missing: ANYTRACK_INTEGRATION needs it");
    else collect.set(client, { baseUrl: own.ANYTRACK_COLLECT_URL, accountId, integration });
  }
  return {
    halfLifeDays: values.ANYTRACK_HALF_LIFE_DAYS,
    webhookPerMinute: values.ANYTRACK_WEBHOOK_PER_MINUTE,
    webhookSecrets,
    collect,
  };
}
