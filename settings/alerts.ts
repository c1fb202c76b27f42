import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea } from "./shapes.ts";

const days = (what: string) =>
  z
    .preprocess((text) => (text === "forever" ? null : text), z.coerce.number().int().min(1).nullable())
    .prefault("forever")
    .meta(about(`How long ${what}, or forever.`, { unit: "days" }));

export const alertsArea = defineArea({
  title: "Alerts and retention",
  needs: "worker",
  shape: z.object({
    ALERT_WEBHOOK_URL: z
      .url()
      .optional()
      .meta(
        about("Sent each new alert once, as JSON with a `text` that chat webhooks show.", {
          secret: true,
          unset: "alerts are rows in ops.alerts in any case",
        }),
      ),
    RETENTION_RECEIPTS_DAYS: days("receipts are kept; the current receipt of a slice always stays"),
    RETENTION_RESTATEMENTS_DAYS: days("restatements are kept"),
    RETENTION_QUARANTINE_DAYS: days("the quarantine is kept; what is open in it always stays"),
    RETENTION_RUNS_DAYS: days("runs are kept"),
  }),
});

export interface Retention {
  receiptsDays: number | null;
  restatementsDays: number | null;
  quarantineDays: number | null;
  runsDays: number | null;
}

export function readAlerts(reader: SettingsReader): { alertWebhookUrl: string | null; retention: Retention } {
  const values = reader.values(alertsArea.shape);
  return {
    alertWebhookUrl: values.ALERT_WEBHOOK_URL ?? null,
    retention: {
      receiptsDays: values.RETENTION_RECEIPTS_DAYS,
      restatementsDays: values.RETENTION_RESTATEMENTS_DAYS,
      quarantineDays: values.RETENTION_QUARANTINE_DAYS,
      runsDays: values.RETENTION_RUNS_DAYS,
    },
  };
}
