import { z } from "zod";
import { typedId, typedText } from "../../core/typed.ts";
import { deleteExpiredIdentities } from "../../queries/conversions/delivery-identities.ts";
import { ageDeliveries, holdDeliveries, readWaiting } from "../../queries/conversions/age-deliveries.ts";
import { reopenChanged } from "../../queries/conversions/record-deliveries.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { checkedInput } from "../shared/input.ts";
import { countDeliveries } from "./count-deliveries.ts";
import { accountsOf, ageRulesOf, destinationNamed, ledgerOf, nowAt, type DeliveryContext } from "./delivery-context.ts";
import type { DeliverInput, DeliveryTarget } from "./delivery-shapes.ts";
import { recordNew } from "./record-new.ts";

const dayMs = 86_400_000;
const shape = z.strictObject({ client: typedId.optional(), destination: typedText.optional() });

/** Adds new conversions to the ledger, queues again what has changed since, and reports where something waits. */
export async function planDeliveries(context: DeliveryContext, input: DeliverInput): Promise<DeliveryTarget[]> {
  const { database, config } = context;
  const typed = checkedInput(shape, input);
  await deleteExpiredIdentities(database);
  const lookbackMs = config.deliveryLookbackDays * dayMs;
  const targets: DeliveryTarget[] = [];
  for (const account of accountsOf(config, typed)) {
    const ledger = ledgerOf(account);
    const now = await nowAt(database, account);
    await recordNew(database, account, { from: new Date(now.getTime() - lookbackMs), to: null });
    // Our own clock says when rows changed, whatever the sandbox's shows.
    if (destinationNamed(ledger.destination).corrects)
      await reopenChanged(database, ledger, new Date((await databaseNow(database)).getTime() - lookbackMs));
    const { expired } = await ageDeliveries(database, ledger, { now, ...ageRulesOf(config, account) });
    countDeliveries(ledger, "expired", expired);
    const { waiting, heldUntil } = await readWaiting(database, ledger);
    // Closed until midnight: what came since waits with the rest, without a request to hear so again.
    if (heldUntil !== null)
      await holdDeliveries(database, ledger, { until: heldUntil, answer: "not sent: the daily limit is used up" });
    targets.push({
      ...ledger,
      waiting: heldUntil === null ? waiting : 0,
      expired,
      heldUntil: heldUntil?.toISOString() ?? null,
    });
  }
  return targets;
}
