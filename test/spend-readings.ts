import { createSeal } from "../core/seal.ts";
import { endOfDay } from "../core/days.ts";
import { sumMoney } from "../core/money.ts";
import { mergeSlice } from "../queries/sync/merge.ts";
import { takeFetchNumber } from "../queries/sync/receipts.ts";
import { openRun } from "../queries/sync/runs.ts";
import { inTransaction, type Database } from "../schema/database.ts";
import { dailySpend } from "../schema/redtrack.ts";

interface Reading {
  client?: string;
  day: string;
  /** When it was read, as if the database's clock had said so. */
  at: Date;
  /** Spend by the traffic source's id. */
  costs: Record<string, string>;
  names?: Record<string, string>;
  vendorTotal?: string | null;
  runId?: string;
  origin?: "real" | "sandbox";
}

const timezone = "America/New_York";
const source = "redtrack.daily_spend";

/** For tests only: reads a day of spend as the pipeline does, at a moment of the test's choice. Answers the receipt's id. */
export async function readSpend(database: Database, reading: Reading): Promise<number> {
  const {
    client = "713",
    day,
    at,
    costs,
    names = {},
    vendorTotal = null,
    runId = `run-${day}`,
    origin = "real",
  } = reading;
  await openRun(database, {
    ...{ runId, client, source, scheduledFor: null, from: day, to: day, slices: 1 },
    kind: "sync",
    workflowId: `sync/${source}/${client}`,
  });
  const rows = Object.entries(costs).map(([sourceId, cost]) => ({
    ...{ date: day, sourceId, sourceName: names[sourceId] ?? sourceId, clicks: 10, conversions: 1, cost },
  }));
  const total = sumMoney(Object.values(costs));
  const { fetchSeq } = await takeFetchNumber(database);
  const receipt = await inTransaction(database, (session) =>
    mergeSlice(
      session,
      {
        ...{ client, source, day, timezone, table: dailySpend, answers: "complete", keyedBy: "aggregate" },
        amount: { column: "cost" },
      },
      { rows, quarantined: [], pages: 1, total, quarantinedTotal: "0", vendorTotal, contentHash: `${day} ${total}` },
      {
        ...{ fetchSeq, fetchedAt: at, isFinal: at >= endOfDay(day, timezone), runId, origin },
        ...{ workflowId: `${source}/${client}/${day}`, workflowRunId: `wf-${fetchSeq}`, attempt: 1 },
        ...{ acceptEmpty: true, mostWithdrawnPercent: 100, seal: createSeal([], "tests") },
      },
    ),
  );
  if (receipt.receiptId === null) throw new Error(`the reading of ${day} left no receipt`);
  await database.query("update ops.receipts set committed_at = fetched_at where receipt_id = $1", [receipt.receiptId]);
  await database.query("update ops.restatements set recorded_at = $2 where fetch_seq = $1", [fetchSeq, at]);
  return receipt.receiptId;
}
