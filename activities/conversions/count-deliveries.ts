import { metricMeter } from "@temporalio/activity";
import type { Ledger } from "../../queries/conversions/delivery-ledger.ts";

export function countDeliveries({ client, destination }: Ledger, state: string, count: number): void {
  if (count > 0)
    metricMeter
      .createCounter("signal_room_deliveries", "conversions", "Conversions sent out, by what became of them")
      .add(count, { destination, client, state });
}
