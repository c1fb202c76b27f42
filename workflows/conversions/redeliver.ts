import { proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { RedeliverInput, RedeliveryPlan } from "../../activities/conversions/delivery-shapes.ts";
import type { DeliverActivities } from "../../activities/conversions/deliver.ts";
import { deliverTo, finish, type Delivered } from "./deliver-conversions.ts";
import { planFailure } from "../shared/failures.ts";

const { planRedelivery } = proxyActivities<DeliverActivities>({
  startToCloseTimeout: "5 minutes",
  scheduleToCloseTimeout: "1 hour",
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
});

/** Sends a range of days again: what was refused, held or never sent. A dry run only reports what that would be. */
export async function redeliver(input: RedeliverInput): Promise<RedeliveryPlan & { sent: Delivered | null }> {
  const plan = await planRedelivery(input).catch(planFailure);
  const { client, destination } = plan;
  if (input.dryRun === true) {
    setCurrentDetails(`**Dry run**, ${destination}, client ${client}: ${describeCounts(plan)}`);
    return { ...plan, sent: null };
  }
  const [sent] = finish([await deliverTo({ client, destination, waiting: 1, heldUntil: null })]);
  return { ...plan, sent: sent ?? null };
}

function describeCounts({ counts }: RedeliveryPlan): string {
  if (counts.length === 0) return "no conversions";
  return counts
    .map(
      ({ what, conversions, value, currency }) =>
        `${what.replaceAll("_", " ")}: ${conversions} (${value ?? "no value"} ${currency ?? ""})`,
    )
    .join(", ");
}
