import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, list, wholeNumber } from "./shapes.ts";

const days = (what: string, unless = "forever") =>
  z
    .preprocess((text) => (text === "forever" ? null : text), z.coerce.number().int().min(1).nullable())
    .prefault(unless)
    .meta(about(`How long ${what}, or forever.`, { unit: "days" }));

const ofClient = z.object({
  DIGEST_HOUR: wholeNumber(0, 23)
    .optional()
    .meta(
      about("From this hour on, by the client's clock, the day's digest goes to each channel that wants it.", {
        clients: "shared",
        unset: "no digest",
      }),
    ),
});

export const alertsArea = defineArea({
  title: "Alerts and retention",
  needs: "worker, API",
  shape: z.object({
    ALERT_WEBHOOK_URL: z
      .url()
      .optional()
      .meta(
        about("A channel of every client: sent each new alert once, as JSON with a `text` that chat webhooks show.", {
          secret: true,
          unset: "channels are made on the page /channels",
        }),
      ),
    SMTP_URL: z
      .url({ protocol: /^smtps?$/, error: "must be an smtp:// or smtps:// address" })
      .optional()
      .meta(
        about("The mail server that channels of kind email send through.", {
          secret: true,
          unset: "no mail is sent",
          example: "smtps://name:password@mail.example.com:465",
        }),
      ),
    MAIL_FROM: z
      .email()
      .optional()
      .meta(about("The sender of these mails; SMTP_URL needs it.", { example: "signal-room@example.com" })),
    CHANNEL_HOSTS: list
      .prefault("")
      .meta(
        about(
          "Hosts in your own network that channels may reach, and without TLS, separated by commas. All others must be public and have https.",
        ),
      ),
    ...ofClient.shape,
    RETENTION_RECEIPTS_DAYS: days("receipts are kept; the current receipt of a slice always stays"),
    RETENTION_RESTATEMENTS_DAYS: days("restatements are kept"),
    RETENTION_QUARANTINE_DAYS: days(
      "resolved entries of the quarantine are kept; open entries always stay, without their content",
    ),
    RETENTION_QUARANTINED_CONTENT_DAYS: days(
      "the content of quarantined rows and lines is kept, also of open entries, with corrections and the headers of their files; without it a line can no longer be shown, corrected or re-processed",
      "90",
    ),
    RETENTION_RUNS_DAYS: days("runs are kept"),
    RETENTION_TRAFFIC_DAYS: days("the bidder's own traffic is kept (rtb.rtb_traffic), by its days"),
  }),
});

export interface Retention {
  receiptsDays: number | null;
  restatementsDays: number | null;
  quarantineDays: number | null;
  /** Of open entries too. */
  quarantinedContentDays: number | null;
  runsDays: number | null;
  /** Days of the bidder's own traffic, each whole. */
  trafficDays: number | null;
}

/** How people are told. */
export interface Telling {
  mail: { smtpUrl: string; from: string } | null;
  /** Hosts of the operator's own network. */
  hosts: ReadonlySet<string>;
  /** By client; null where none is sent. */
  digestHours: ReadonlyMap<string, number | null>;
}

export function readAlerts(reader: SettingsReader): {
  alertWebhookUrl: string | null;
  telling: Telling;
  retention: Retention;
} {
  const values = reader.values(alertsArea.shape);
  const { SMTP_URL: smtpUrl, MAIL_FROM: from } = values;
  if (smtpUrl !== undefined && from === undefined) reader.problem("MAIL_FROM is missing: SMTP_URL needs it");
  if (smtpUrl !== undefined) reader.secrets.add(decodeURIComponent(new URL(smtpUrl).password));
  return {
    alertWebhookUrl: values.ALERT_WEBHOOK_URL ?? null,
    telling: {
      mail: smtpUrl === undefined || from === undefined ? null : { smtpUrl, from },
      hosts: new Set(values.CHANNEL_HOSTS),
      digestHours: new Map(
        reader.clients.map((client) => [client, reader.valuesOf(client, ofClient).DIGEST_HOUR ?? null]),
      ),
    },
    retention: {
      receiptsDays: values.RETENTION_RECEIPTS_DAYS,
      restatementsDays: values.RETENTION_RESTATEMENTS_DAYS,
      quarantineDays: values.RETENTION_QUARANTINE_DAYS,
      quarantinedContentDays: values.RETENTION_QUARANTINED_CONTENT_DAYS,
      runsDays: values.RETENTION_RUNS_DAYS,
      trafficDays: values.RETENTION_TRAFFIC_DAYS,
    },
  };
}
