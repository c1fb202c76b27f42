import { ApplicationFailure } from "@temporalio/common";
import { isCancellation, proxyActivities, setCurrentDetails, workflowInfo } from "@temporalio/workflow";
import type { DeliverInput, DeliveryTarget } from "../../activities/conversions/delivery-shapes.ts";
import type { DeliverActivities } from "../../activities/conversions/deliver.ts";
import { describeFailure, planFailure } from "../shared/failures.ts";
import { vendorQueue } from "../shared/queues.ts";

const { planDeliveries, noteBlocked } = proxyActivities<DeliverActivities>({
  startToCloseTimeout: "5 minutes",
  scheduleToCloseTimeout: "1 hour",
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
});

/** More batches than this wait for the next run, which comes within minutes. */
const mostBatches = 300;

/** What one destination took of one client. */
export interface Delivered {
  client: string;
  destination: string;
  delivered: number;
  failed: number;
  expired: number;
  /** The first of those that were refused; ops.deliveries says why. */
  refused: string[];
  heldUntil: string | null;
  /** Why it stopped, when it did. */
  stopped: string | null;
}

/** Sends what is new to each destination. One that is closed or away does not keep the others from being delivered to. */
export async function deliverConversions(input: DeliverInput = {}): Promise<Delivered[]> {
  const targets = await planDeliveries(input).catch(planFailure);
  return finish(await Promise.all(targets.map((target) => deliverTo(target))));
}

/** One destination of one client, batch after batch; what stops it is an outcome, never an exception. */
export async function deliverTo({
  client,
  destination,
  waiting,
  expired = 0,
  heldUntil,
}: DeliveryTarget): Promise<Delivered> {
  const sum: Delivered = {
    client,
    destination,
    delivered: 0,
    failed: 0,
    expired,
    refused: [],
    heldUntil,
    stopped: null,
  };
  if (waiting === 0) return sum;
  const { checkDestination, sendBatch } = proxyActivities<DeliverActivities>({
    taskQueue: vendorQueue(destination),
    startToCloseTimeout: "20 minutes",
    scheduleToCloseTimeout: "3 hours",
    heartbeatTimeout: "12 seconds",
    retry: { initialInterval: "1 second", maximumInterval: "1 minute" },
  });
  try {
    await checkDestination.executeWithOptions({ summary: `${destination}, client ${client}` }, [
      { client, destination },
    ]);
    for (let batch = 1; batch <= mostBatches; batch += 1) {
      const claim = `${workflowInfo().runId}/${destination}/${client}/${batch}`;
      const result = await sendBatch.executeWithOptions(
        { summary: `${destination}, client ${client}, batch ${batch}` },
        [{ client, destination, claim }],
      );
      sum.delivered += result.delivered;
      sum.failed += result.failed;
      sum.expired += result.expired;
      sum.refused = [...sum.refused, ...result.refused].slice(0, 20);
      sum.heldUntil = result.heldUntil;
      setCurrentDetails(describe(sum));
      if (!result.more) break;
    }
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { type, reason } = describeFailure(error);
    sum.stopped = `${type}: ${reason}`;
    await noteBlocked({ client, destination, type, reason });
  }
  return sum;
}

/** A run that had to stop somewhere fails, after the rest is delivered, and names where. */
export function finish(sums: Delivered[]): Delivered[] {
  setCurrentDetails(sums.length === 0 ? "no destination is configured" : sums.map(describe).join("\n\n"));
  const stopped = sums.filter((sum) => sum.stopped !== null);
  if (stopped.length === 0) return sums;
  const message = stopped.map((sum) => `${sum.destination}, client ${sum.client}: ${sum.stopped}`).join("; ");
  throw ApplicationFailure.create({ type: "DeliveriesStopped", message, nonRetryable: true, details: [sums] });
}

function describe({ client, destination, delivered, failed, expired, refused, heldUntil, stopped }: Delivered): string {
  const parts = [
    `${delivered} delivered`,
    `${failed} refused${failed === 0 ? "" : ` (${refused.slice(0, 5).join(", ")})`}`,
    `${expired} expired`,
  ];
  if (heldUntil !== null) parts.push(`held until ${heldUntil}`);
  if (stopped !== null) parts.push(`stopped: ${stopped}`);
  return `**${destination}**, client ${client}: ${parts.join(", ")}`;
}
