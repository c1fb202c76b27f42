import { z } from "zod";
import { chance } from "./chance.ts";
import { conversionRow } from "./everflow-answers.ts";
import { completeDay, type Conversion } from "./everflow-data.ts";
import { decimalFromMicros } from "./decimal.ts";
import { secondOf } from "./everflow-model.ts";
import type { JsonObject } from "./vendor.ts";

/** What of a day AnyTrack has otherwise than Everflow: so many of each. */
export const plantedShape = z.strictObject({
  missing: z.int().min(0).max(1_000).default(0),
  extra: z.int().min(0).max(1_000).default(0),
  amounts: z.int().min(0).max(1_000).default(0),
  refused: z.int().min(0).max(1_000).default(0),
});

export type Planted = z.output<typeof plantedShape>;

export interface TrackedDay {
  events: { at: string; body: JsonObject }[];
  /** Everflow's conversions, and of `extra` AnyTrack's orders. */
  planted: Record<keyof Planted, string[]>;
}

/**
 * What AnyTrack posts of a day whose conversions Everflow has, too: each with the click before it, which is Everflow's transaction,
 * and its order where it has one. It has none of those that Everflow refused, but for the planted.
 */
export function trackedOfDay(client: string, day: string, wanted: Planted): TrackedDay {
  const base = completeDay(client, day).conversions.filter(({ event }) => event === "Base");
  const isRefused = ({ status }: Conversion) => ["rejected", "invalid"].includes(status);
  const drawn = (of: readonly Conversion[]) =>
    [...of].sort((one, other) => chance("tracked", client, one.id) - chance("tracked", client, other.id));
  const kept = drawn(base.filter((one) => !isRefused(one)));
  const missing = kept.slice(0, wanted.missing);
  const amounts = kept.slice(wanted.missing, wanted.missing + wanted.amounts);
  const refused = drawn(base.filter(isRefused)).slice(0, wanted.refused);
  const extra = kept
    .slice(-wanted.extra || kept.length)
    .map((one) => ({ ...one, order: `ord-extra-${one.id.slice(0, 10)}` }));
  const differs = new Set(amounts);
  const events = [
    ...kept.slice(wanted.missing).flatMap((one) => posts(client, one, differs.has(one) ? 100_000n : 0n)),
    ...refused.flatMap((one) => posts(client, one, 0n)),
    // The click is known, the conversion never came.
    ...missing.filter((_, index) => index % 2 === 0).map((one) => click(client, one)),
    ...extra.map((one) => purchase(one, { clickId: `atclk_${one.order}`, order: one.order })),
  ];
  const ids = (of: readonly Conversion[]) => of.map(({ id }) => id);
  return {
    events: events.sort((one, other) => (one.at < other.at ? -1 : 1)),
    planted: {
      missing: ids(missing),
      amounts: ids(amounts),
      refused: ids(refused),
      extra: extra.map(({ order }) => order),
    },
  };
}

const posts = (client: string, one: Conversion, moreMicros: bigint) => {
  const { transaction_id: transaction, order_id: order } = conversionRow(one, client);
  return [click(client, one), purchase(one, { clickId: String(transaction), order: String(order) }, moreMicros)];
};

const isoOf = (one: Conversion, seconds: number) => new Date((secondOf(one) + seconds) * 1_000).toISOString();

function click(client: string, one: Conversion) {
  const { transaction_id: transaction } = conversionRow(one, client);
  const at = isoOf(one, -60);
  return { at, body: { ...path(one), eventName: "OutboundClick", clickId: transaction ?? "", eventTime: at } };
}

function purchase(one: Conversion, of: { clickId: string; order: string }, moreMicros = 0n) {
  const at = isoOf(one, 2);
  const body = {
    ...path(one),
    eventName: "Purchase",
    clickId: of.clickId,
    eventTime: at,
    eventValue: decimalFromMicros(one.revenueMicros + moreMicros),
    currency: one.offer.currency,
    ...(of.order === "" ? {} : { transactionId: of.order }),
  };
  return { at, body };
}

const path = ({ affiliate }: Conversion) => ({
  assetId: "asset_network",
  source: "network",
  campaignId: "camp_network",
  sub1: affiliate.id,
});
