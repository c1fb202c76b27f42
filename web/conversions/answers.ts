import type { z } from "zod";
import type { delivery, deliveryCounts, deliveryTotals } from "../../api/conversions/deliveries.ts";
import type { everflowConversion, everflowTotals } from "../../api/conversions/everflow.ts";
import type { conversion, conversionTotals, details } from "../../api/conversions/conversions.ts";

export type Delivery = z.infer<typeof delivery>;
export type DeliveryTotals = z.infer<typeof deliveryTotals>;
export type DeliveryCounts = z.infer<typeof deliveryCounts>;
export type EverflowConversion = z.infer<typeof everflowConversion>;
export type Conversion = z.infer<typeof conversion>;
export type ConversionDetails = z.infer<typeof details>;

/** Totals of either feed: only Everflow has payouts and events. */
type Either = z.infer<typeof conversionTotals>["items"][number] &
  Partial<Pick<z.infer<typeof everflowTotals>["items"][number], "events" | "payout">>;
export interface Totals {
  items: Either[];
}
