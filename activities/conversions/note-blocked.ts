import type { Ledger } from "../../queries/conversions/delivery-ledger.ts";
import { raiseAlert } from "../../queries/ops/alerts.ts";
import { alertOf, type DeliveryContext } from "./delivery-context.ts";

/** Alerts people about a destination that cannot be delivered to: once, not every ten minutes. */
export async function noteBlocked(
  { database, redact }: DeliveryContext,
  { client, destination, type, reason }: Ledger & { type: string; reason: string },
): Promise<void> {
  await raiseAlert(database, {
    ...alertOf({ client, destination }),
    kind: "delivery_blocked",
    severity: type === "CredentialsRejected" ? "critical" : "warning",
    message: redact(reason),
    details: { type },
  });
}
