import { ConnectorError } from "../../connectors/errors.ts";
import { createHttp } from "../../connectors/http.ts";
import type { Redact } from "../../core/redact.ts";
import { markNotified, noteRefusedAlert, noteUnansweredAlert, readUnsentAlerts } from "../../queries/ops/alerts.ts";
import type { Database } from "../../schema/database.ts";
import type { Config } from "../../settings/config.ts";

export interface SendAlertsContext {
  database: Database;
  config: Pick<Config, "alertWebhookUrl">;
  redact: Redact;
}

export interface AlertsSent {
  sent: number;
  /** By the webhook, each for itself. */
  refused: number;
}

const atOnce = 50;
/** Whoever does not answer this often in a row is away: the rest would only wait. */
const enoughUnanswered = 3;

/**
 * Sends each open alert to the webhook once. One that is refused is put off and keeps no other from being sent. Without
 * a webhook the rows are all there is.
 */
export async function sendAlerts({ database, config, redact }: SendAlertsContext): Promise<AlertsSent> {
  const result = { sent: 0, refused: 0 };
  if (config.alertWebhookUrl === null) return result;
  const http = createHttp({
    baseUrl: config.alertWebhookUrl,
    erase: redact,
    redact,
    anyAnswer: true,
    beforeRequest: () => Promise.resolve(() => Promise.resolve()),
    limits: { totalTimeoutMs: 15_000, maxBytes: 65_536 },
  });
  let unanswered = 0;
  for (const alert of await readUnsentAlerts(database, atOnce)) {
    try {
      // `text` is what chat webhooks show; the rest is for programs.
      const body = { text: `[${alert.severity}] ${alert.message}`, ...alert };
      await http.json({ method: "POST", path: "", body });
      await markNotified(database, [alert.alertId]);
      result.sent += 1;
      unanswered = 0;
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      const tried = { alertId: alert.alertId, why: redact(error.message) };
      if (error.kind === "rejected" || error.kind === "unauthorized") {
        await noteRefusedAlert(database, tried);
        result.refused += 1;
        continue;
      }
      await noteUnansweredAlert(database, tried);
      unanswered += 1;
      if (unanswered >= enoughUnanswered) throw error;
    }
  }
  return result;
}
