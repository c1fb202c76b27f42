import { afterAll, beforeAll, beforeEach, jest } from "@jest/globals";
import { bigint, integer, numeric, primaryKey, text, timestamp, unique, jsonb } from "drizzle-orm/pg-core";
import { copyLine } from "../connectors/slices/copy-text.ts";
import { sumMoney } from "../core/money.ts";
import { inTransaction } from "../schema/database.ts";
import { dataColumns } from "../schema/merge-key.ts";
import { dailySpend, redtrack } from "../schema/redtrack.ts";
import { testDatabase, type TestDatabase } from "./database.ts";
import { mergeSlice } from "../queries/sync/merge.ts";
import { takeFetchNumber } from "../queries/sync/receipts.ts";
import type { MergeAttempt, MergeContent, MergeTarget } from "../queries/sync/shapes.ts";
import type { StagedRows } from "../queries/sync/staged-rows.ts";
import { createSeal } from "../core/seal.ts";

jest.setTimeout(60_000);

export let database: TestDatabase;
export let client: string;
let clients = 0;

const bookkeeping = {
  clientId: text("_client_id").notNull(),
  slice: text("_slice").notNull(),
  loadedAt: timestamp("_loaded_at", { withTimezone: true }).notNull().defaultNow(),
  runId: text("_run_id").notNull(),
};
/** A key of which a part can be missing. */
export const hourly = redtrack.table(
  "hourly",
  {
    ...bookkeeping,
    id: text("id").notNull(),
    hour: integer("hour"),
    cost: numeric("cost", { precision: 18, scale: 6 }).notNull(),
  },
  (table) => [unique("hourly_key").on(table.clientId, table.id, table.hour).nullsNotDistinct()],
);
/** A feed by id, whose rows may turn up in any slice. */
export const events = redtrack.table(
  "events",
  {
    ...bookkeeping,
    id: bigint("id", { mode: "number" }).notNull(),
    note: text("note"),
    count: integer("count"),
    seenAt: timestamp("seen_at", { withTimezone: true }),
    raw: jsonb("raw"),
  },
  (table) => [primaryKey({ name: "events_key", columns: [table.clientId, table.id] })],
);

beforeAll(async () => {
  database = await testDatabase();
  const own =
    "_client_id text not null, _slice text not null, _loaded_at timestamptz not null default now(), _run_id text not null";
  await database.pool.query(`
    create table redtrack.hourly (${own}, id text not null, hour int, cost numeric(18,6) not null, constraint hourly_key unique nulls not distinct (_client_id, id, hour));
    create table redtrack.events (${own}, id bigint not null, note text, count int, seen_at timestamptz, raw jsonb, constraint events_key primary key (_client_id, id))`);
});
beforeEach(() => {
  clients += 1;
  client = `client-${clients}`;
});
afterAll(() => database.drop());

export const day = "2025-12-18";
export const believed = { acceptEmpty: true, mostWithdrawnPercent: 100 };
export const spend = (sourceId: string, cost = "1.50", more: object = {}) => ({
  date: day,
  sourceId,
  clicks: 1,
  conversions: 0,
  cost,
  ...more,
});

export function target(over: Partial<MergeTarget> = {}): MergeTarget {
  return {
    client,
    source: "redtrack.daily_spend",
    day,
    timezone: "America/New_York",
    table: dailySpend,
    answers: "complete",
    keyedBy: "aggregate",
    amount: { column: over.table === events ? "count" : "cost" },
    ...over,
  };
}
export function content(rows: object[], over: Partial<MergeContent> = {}): MergeContent {
  const costs = (rows as { cost?: string }[]).map(({ cost }) => cost ?? "0");
  const quarantined = over.quarantined ?? [];
  return {
    rows: rows as MergeContent["rows"],
    quarantined,
    pages: 1,
    total: sumMoney(costs),
    quarantinedTotal: sumMoney(quarantined.map((row) => row.amount)),
    vendorTotal: null,
    contentHash: "hash",
    ...over,
  };
}
/** As rows come that were too many to hold: `replaced` were read first, and again with another content. */
export function staged(table: MergeTarget["table"], rows: object[], replaced: object[] = []): StagedRows {
  const lines = [...replaced, ...rows].map(
    (row, place) => `${place}\t${copyLine(row as Record<string, unknown>, dataColumns(table))}\n`,
  );
  return {
    length: rows.length,
    replaced: replaced.map((_, place) => place),
    async *blocks() {
      for (let from = 0; from < lines.length; from += 3) {
        await Promise.resolve();
        yield Buffer.from(lines.slice(from, from + 3).join(""));
      }
    },
  };
}
export async function attempt(over: Partial<MergeAttempt> = {}): Promise<MergeAttempt> {
  const taken = await takeFetchNumber(database.pool);
  return {
    ...taken,
    isFinal: true,
    origin: "real",
    runId: "run",
    workflowId: "workflow",
    workflowRunId: "workflow-run",
    attempt: 1,
    acceptEmpty: false,
    mostWithdrawnPercent: 100,
    seal: createSeal([Buffer.alloc(32, 7)], "quarantine"),
    ...over,
  };
}
export async function merge(what: MergeContent, how: Partial<MergeAttempt> = {}, where: Partial<MergeTarget> = {}) {
  const by = await attempt(how);
  return inTransaction(database.pool, (session) => mergeSlice(session, target(where), what, by));
}
export async function query<Row extends object>(sql: string, values: unknown[] = [client]): Promise<Row[]> {
  return (await database.pool.query<Row>(sql, values)).rows;
}
export const stored = () =>
  query<{ id: string; cost: string; clicks: number }>(
    `select source_id as id, cost, clicks from redtrack.daily_spend where _client_id = $1 order by date, source_id collate "C"`,
  );
export const costs = async () => Object.fromEntries((await stored()).map((row) => [row.id, row.cost]));
export const ledger = () =>
  query<{ kind: string; id: string; old: string | null; new: string | null }>(
    `select kind, row_key ->> 'source_id' as id, old ->> 'cost' as old, new ->> 'cost' as new from ops.restatements where _client_id = $1 order by restatement_id`,
  );
export const slice = async (name = day) =>
  (
    await query<Record<string, unknown>>("select * from ops.slices where _client_id = $1 and slice = $2", [
      client,
      name,
    ])
  )[0];
export const counts = (inserted: number, updated: number, unchanged: number, withdrawn: number) => ({
  inserted,
  updated,
  unchanged,
  withdrawn,
});

export async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    if (tries > 500) throw new Error("it did not come to pass");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function rolledBack<Result>(
  work: (session: Parameters<typeof mergeSlice>[0]) => Promise<Result>,
): Promise<Result> {
  const session = await database.pool.connect();
  try {
    await session.query("begin");
    return await work(session);
  } finally {
    await session.query("rollback");
    session.release();
  }
}
