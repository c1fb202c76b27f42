import type { Ledger } from "../../queries/conversions/delivery-ledger.ts";
import { guardedBy } from "../shared/failures.ts";
import { checkDestination } from "./check-destination.ts";
import type { DeliveryContext } from "./delivery-context.ts";
import type {
  BatchResult,
  DeliverInput,
  DeliveryTarget,
  RedeliverInput,
  RedeliveryPlan,
  SendBatchInput,
} from "./delivery-shapes.ts";
import { noteBlocked } from "./note-blocked.ts";
import { planDeliveries } from "./plan-deliveries.ts";
import { planRedelivery } from "./plan-redelivery.ts";
import { sendBatch } from "./send-batch.ts";

/** The activities of a delivery: what is new, one batch at a time, and the ledger in step with what the destination said. */
export function createDeliverActivities(context: DeliveryContext) {
  const guarded = guardedBy(context.redact);
  return {
    planDeliveries: (input: DeliverInput): Promise<DeliveryTarget[]> =>
      guarded("deliveries", () => planDeliveries(context, input)),
    checkDestination: (ledger: Ledger): Promise<void> => checkDestination(context, ledger),
    sendBatch: (input: SendBatchInput): Promise<BatchResult> => sendBatch(context, input),
    noteBlocked: (input: Ledger & { type: string; reason: string }): Promise<void> =>
      guarded(`deliveries to ${input.destination}`, () => noteBlocked(context, input)),
    planRedelivery: (input: RedeliverInput): Promise<RedeliveryPlan> =>
      guarded("redelivery", () => planRedelivery(context, input)),
  };
}

/** What workflows may call. */
export type DeliverActivities = ReturnType<typeof createDeliverActivities>;
