// Why a figure changed, and where today's figures end, over a million conversions and a year of days, as callers see them: a real
// API on a real Postgres, over HTTP; beside them the same worked out from the rows and the ledger alone. Then what the sums cost
// whoever writes.
// npm run bench:why -- [conversions] [requests of each]
import { readFile } from "node:fs/promises";
import { addDays, dayAt } from "../core/days.ts";
import { median } from "../core/quantiles.ts";
import { mergeSlice } from "../queries/sync/merge.ts";
import { takeFetchNumber } from "../queries/sync/receipts.ts";
import { createSeal } from "../core/seal.ts";
import { inTransaction, type Database } from "../schema/database.ts";
import { dailyStats } from "../schema/everflow.ts";
import { table } from "../scripts/shared/printing.ts";
import { measure, startApiBench } from "./api-bench.ts";
import { affiliates, fillSums, fillYear, offers } from "./why-world.ts";

const [conversions = 1_000_000, requests = 21] = process.argv.slice(2).map(Number);
const client = "713";
const aimMs = 200;
const plainRuns = 3;
const merges = 31;
const today = dayAt(new Date(), "America/New_York");
const last = addDays(today, -1);

const bench = await startApiBench("why", client);
const { database } = bench;
let isSlow = true;
try {
  await timed(`a year with ${conversions} conversions`, () => fillYear(database, { client, today, conversions }));
  await timed("the sums of it, once, as an upgrade", () => fillSums(database));
  await database.query("vacuum analyze");
  await database.query(await readFile(new URL("plain-cost.sql", import.meta.url), "utf8"));
  const get = await bench.startApi({ CLIENTS: client });
  isSlow = await compare(get);
  await timeMerges();
} finally {
  await bench.stop();
}
process.exit(isSlow ? 1 : 0);

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const began = performance.now();
  await work();
  console.log(`${what}: ${((performance.now() - began) / 1_000).toFixed(0)} s`);
}

async function compare(get: (route: string) => Promise<string>): Promise<boolean> {
  const why = (
    name: string,
    { days, of = {}, since }: { days: number; of?: { affiliateId?: string; sourceId?: string }; since?: number },
  ) => {
    const from = addDays(last, 1 - days);
    const seen = since === undefined ? undefined : new Date(Date.now() - since * 86_400_000);
    const before = seen === undefined ? [addDays(from, -days), addDays(from, -1)] : [from, last];
    const query = new URLSearchParams({ from, to: last, ...of, ...(seen && { since: seen.toISOString() }) });
    const values = [client, from, last, ...before, seen ?? null, of.affiliateId ?? null, of.sourceId ?? null];
    return {
      name: `why: ${name}`,
      ask: () => get(`/api/v1/cost/why?${query}`),
      plain: () =>
        database.query(`select * from plain.cost_change_rows($1, $2, $3, $4, $5, $6, null, $7, null, $8)`, values),
    };
  };
  const known = (hours: number, days: number) =>
    database.query("select * from plain.known_figures($1, $2, $3, $4)", [
      ...[client, addDays(today, -7 - days), addDays(today, -8), hours],
    ]);
  const questions = [
    why("30 days", { days: 30 }),
    why("90 days", { days: 90 }),
    why("180 days", { days: 180 }),
    why("a year", { days: 365 }),
    why("180 days of an affiliate", { days: 180, of: { affiliateId: "1003" } }),
    why("180 days of a source", { days: 180, of: { sourceId: "s7" } }),
    why("180 days since yesterday", { days: 180, since: 1 }),
    why("180 days since a month ago", { days: 180, since: 30 }),
    why("a year since yesterday", { days: 365, since: 1 }),
    {
      name: "outlook",
      ask: () => get("/api/v1/cost/outlook"),
      plain: () => Promise.all([known(-8, 28), known(7, 42)]),
    },
  ];
  const rows: (string | number)[][] = [];
  for (const { name, ask, plain } of questions) {
    const kept = await measure(ask, requests);
    const times: number[] = [];
    for (let run = 0; run < plainRuns; run += 1) {
      const began = performance.now();
      await plain();
      times.push(performance.now() - began);
    }
    const isUnder = kept.median < aimMs;
    rows.push([name, kept.median.toFixed(0), kept.p99.toFixed(0), median(times).toFixed(0), isUnder ? "ok" : "SLOW"]);
  }
  console.log(table(["what", "median ms", "p99 ms", "plain query ms", `under ${aimMs} ms`], rows).join("\n"));
  return rows.some((row) => row.at(-1) === "SLOW");
}

/** A day of which every row has changed, merged with the triggers that keep the sums and without them, in turn. */
async function timeMerges(): Promise<void> {
  const took: Record<"with" | "without", number[]> = { with: [], without: [] };
  const feeds = ["everflow.daily_stats", "ops.receipts"];
  for (let round = 0; round < merges * 2; round += 1) {
    const isWith = round % 2 === 0;
    for (const feed of feeds) await database.query(`alter table ${feed} ${isWith ? "enable" : "disable"} trigger user`);
    const began = performance.now();
    await mergeDay(database, round);
    took[isWith ? "with" : "without"].push(performance.now() - began);
  }
  const [withSums, without] = [median(took.with), median(took.without)];
  console.log(
    `a day of ${affiliates * offers} changed rows is merged in ${withSums.toFixed(0)} ms, without the sums in ${without.toFixed(0)} ms`,
  );
}

async function mergeDay(to: Database, round: number): Promise<void> {
  const rows = Array.from({ length: affiliates * offers }, (_, place) => ({
    ...{
      date: last,
      affiliateId: String(1_000 + (place % affiliates)),
      affiliateName: `Affiliate ${place % affiliates}`,
    },
    ...{ advertiserId: "a", offerId: String(1 + Math.floor(place / affiliates)), offerName: null, currency: "USD" },
    ...{ clicks: 200, conversions: 10 + round, payout: "200", revenue: "450", profit: "0", events: 0 },
  }));
  await inTransaction(to, async (session) => {
    const { fetchSeq } = await takeFetchNumber(session);
    await mergeSlice(
      session,
      {
        ...{ client, day: last, timezone: "America/New_York", answers: "complete", keyedBy: "aggregate" },
        ...{ source: "everflow.daily_stats", table: dailyStats, amount: { column: "payout" } },
      },
      {
        ...{ rows, quarantined: [], pages: 1, total: "36000", quarantinedTotal: "0", vendorTotal: null },
        contentHash: String(round),
      },
      {
        ...{ fetchSeq, fetchedAt: new Date(), isFinal: true, origin: "real", runId: "r" },
        ...{ workflowId: "w", workflowRunId: "w", attempt: 1, acceptEmpty: true, mostWithdrawnPercent: 100 },
        seal: createSeal([Buffer.alloc(32, 7)], "quarantine"),
      },
    );
  });
}
