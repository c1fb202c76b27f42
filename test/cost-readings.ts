import { sumMoney } from "../core/money.ts";
import { createSeal } from "../core/seal.ts";
import { mergeMapping } from "../queries/cost/affiliate-mapping.ts";
import { mergeSlice } from "../queries/sync/merge.ts";
import { takeFetchNumber } from "../queries/sync/receipts.ts";
import { inTransaction, type Database } from "../schema/database.ts";
import { dailyStats } from "../schema/everflow.ts";
import { campaignSpend, dailySpend } from "../schema/redtrack.ts";

export interface Spend {
  sourceId: string;
  sourceName?: string;
  clicks: number;
  conversions: number;
  cost: string;
  revenue: string | null;
}
export interface Stat {
  affiliateId: string;
  affiliateName?: string;
  offerId: string;
  offerName?: string;
  currency: string;
  clicks: number;
  conversions: number;
  payout: string;
  revenue: string;
}
/** A day as a vendor answers it: while it is running, or after its end. */
export interface Reading {
  day: string;
  isWhole: boolean;
  /** When it was read; by default at noon of the day, or within the hour after its end in any zone. */
  at?: Date;
  spend?: Spend[];
  campaigns?: (Spend & { campaignId: string })[];
  stats?: Stat[];
}
export type Mapped = [sourceId: string, label: string, isInternal: boolean];

export async function mapSources(database: Database, client: string, mapped: readonly Mapped[]): Promise<void> {
  const rows = mapped.map(([redtrackSourceId, everflowAffiliateLabel, isInternal]) => ({
    ...{ redtrackSourceId, redtrackSourceName: null, everflowAffiliateId: null, everflowAffiliateLabel, isInternal },
  }));
  const actor = { actor: "cli:test", role: null };
  await mergeMapping(database, { client, rows, by: "test", actor, replace: false });
}

/** Merges a day as a sync does, with its receipt and its entries in the ledger. Affiliate 1 is named "label 1". */
export async function readDay(
  database: Database,
  client: string,
  { day, isWhole, at, spend, campaigns, stats = [] }: Reading,
) {
  const rows =
    (campaigns ?? spend)?.map((row) => ({ date: day, ...row })) ??
    stats.map((row) => ({
      ...{ date: day, affiliateName: `label ${row.affiliateId}`, advertiserId: "1", profit: "0", events: 0, ...row },
    }));
  const amounts = (campaigns ?? spend)?.map(({ cost }) => cost) ?? stats.map(({ revenue }) => revenue);
  await inTransaction(database, async (session) => {
    const { fetchSeq } = await takeFetchNumber(session);
    await mergeSlice(
      session,
      {
        ...{ client, day, timezone: "America/New_York", answers: "complete", keyedBy: "aggregate" },
        ...(campaigns !== undefined
          ? { source: "redtrack.campaign_spend", table: campaignSpend, amount: { column: "cost" } }
          : spend === undefined
            ? { source: "everflow.daily_stats", table: dailyStats, amount: { column: "revenue" } }
            : { source: "redtrack.daily_spend", table: dailySpend, amount: { column: "cost" } }),
      },
      {
        ...{ rows, quarantined: [], pages: 1, total: sumMoney(amounts), quarantinedTotal: "0" },
        ...{ vendorTotal: null, contentHash: "hash" },
      },
      {
        ...{ fetchSeq, fetchedAt: at ?? new Date(`${day}T${isWhole ? "23:59:59-12:00" : "12:00:00-05:00"}`) },
        ...{ isFinal: isWhole, origin: "real", runId: "r", workflowId: "w", workflowRunId: "w", attempt: 1 },
        ...{ acceptEmpty: true, mostWithdrawnPercent: 100, seal: createSeal([Buffer.alloc(32, 7)], "quarantine") },
      },
    );
  });
}
