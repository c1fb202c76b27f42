import { afterAll, beforeAll, beforeEach, jest } from "@jest/globals";
import { testDatabase, type TestDatabase } from "./database.ts";
import { readCpaByAffiliate, readCpaDaily } from "../queries/cost/cpa.ts";
import { mergeMapping, type MappedSource } from "../queries/cost/affiliate-mapping.ts";

jest.setTimeout(120_000);

export const client = "713";
export const day = "2025-12-18";
export let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query(
    "truncate everflow.daily_stats, redtrack.daily_spend, public.affiliate_mapping, public.account_currency",
  );
});

interface Stat {
  client?: string;
  date?: string;
  id?: string;
  name?: string | null;
  offer?: string;
  currency?: string;
  clicks?: number;
  conversions?: number;
  payout?: string;
  revenue?: string;
}

interface Spend {
  client?: string;
  date?: string;
  source: string;
  name?: string;
  cost: string;
  clicks?: number;
}

export async function everflow(...stats: Stat[]): Promise<void> {
  for (const [index, stat] of stats.entries()) {
    await database.pool.query(
      `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
       values ($1, $2, $3, $4, '1', $5, $6, $7, $8, $9, $10, 0, 0, 's', 'r')`,
      [
        stat.client ?? client,
        stat.date ?? day,
        stat.id ?? "17",
        stat.name === undefined ? "G2 - Meta" : stat.name,
        stat.offer ?? String(index),
        stat.currency ?? "USD",
        stat.clicks ?? 0,
        stat.conversions ?? 0,
        stat.payout ?? "0",
        stat.revenue ?? "0",
      ],
    );
  }
}

export async function redtrack(...spends: Spend[]): Promise<void> {
  for (const spend of spends) {
    await database.pool.query(
      `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id) values ($1, $2, $3, $4, $5, 0, $6, 's', 'r')`,
      [spend.client ?? client, spend.date ?? day, spend.source, spend.name ?? null, spend.clicks ?? 0, spend.cost],
    );
  }
}

export const row = (over: Partial<MappedSource> = {}): MappedSource => ({
  redtrackSourceId: "fb",
  redtrackSourceName: null,
  everflowAffiliateId: null,
  everflowAffiliateLabel: "G2 - Meta",
  isInternal: true,
  ...over,
});
export const mapping = (...rows: MappedSource[]) =>
  mergeMapping(database.pool, { client, rows, by: "test", actor: { actor: "cli:test", role: null }, replace: false });
export const daily = (of = client) => readCpaDaily(database.pool, { client: of, limit: 1_000 });
export const range = (from = day, to = day) => readCpaByAffiliate(database.pool, { client, from, to });
