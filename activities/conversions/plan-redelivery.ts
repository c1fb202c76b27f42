import { z } from "zod";
import { endOfDay, startOfDay } from "../../core/days.ts";
import { typedDay, typedFlag, typedId, typedText } from "../../core/typed.ts";
import { ageDeliveries } from "../../queries/conversions/age-deliveries.ts";
import { countRedelivery, reopenDeliveries, type RedeliveryRange } from "../../queries/conversions/redelivery.ts";
import { invalidInput } from "../shared/failures.ts";
import { checkedInput } from "../shared/input.ts";
import {
  accountOf,
  ageRulesOf,
  ledgerOf,
  nowAt,
  routingFor,
  timezone,
  type DeliveryContext,
} from "./delivery-context.ts";
import type { RedeliverInput, RedeliveryPlan } from "./delivery-shapes.ts";
import { recordNew } from "./record-new.ts";

const shape = z.strictObject({
  destination: typedText,
  from: typedDay,
  to: typedDay,
  client: typedId.optional(),
  dryRun: typedFlag.optional(),
  includeDelivered: typedFlag.optional(),
});

/** What a redelivery would send; without a dry run, makes it pending. */
export async function planRedelivery(
  { database, config }: DeliveryContext,
  input: RedeliverInput,
): Promise<RedeliveryPlan> {
  const { destination, from, to, client, dryRun, includeDelivered } = checkedInput(shape, input);
  if (from > to) throw invalidInput(`from ${from} is after to ${to}`);
  const account = accountOf(config, { client: client ?? config.clients[0] ?? "", destination });
  const ledger = ledgerOf(account);
  const range: RedeliveryRange & ReturnType<typeof ageRulesOf> = {
    from: startOfDay(from, timezone),
    to: endOfDay(to, timezone),
    includeDelivered: includeDelivered === true,
    now: await nowAt(database, account),
    routing: routingFor(account),
    ...ageRulesOf(config, account),
  };
  const counts = await countRedelivery(database, ledger, range);
  if (dryRun !== true) {
    await reopenDeliveries(database, ledger, range);
    await recordNew(database, account, range);
    await ageDeliveries(database, ledger, range);
  }
  return { ...ledger, counts };
}
