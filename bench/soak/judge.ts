import { setTimeout as wait } from "node:timers/promises";
import { targetOf } from "../../activities/sync/read-day.ts";
import { sources } from "../../connectors/registry.ts";
import { sameCents } from "../../core/money.ts";
import { compareBooks } from "../../queries/sync/stored.ts";
import { countDays, type Days } from "../drills/backfill-kills.ts";
import { readCounts } from "../drills/promo-stack.ts";
import { checkBooks, untilJudged } from "../drills/recon-books.ts";
import type { BenchStack } from "../stack.ts";
import { spendOf, type Sent } from "./senders.ts";
import type { Compared, Span } from "./timings.ts";
import { folderBytes, medianOf, type Vitals } from "./vitals.ts";

const patienceMs = 10 * 60_000;
/** What a process may have gained between the second sixth of the time and the last. */
const growth = { share: 1.2, megabytes: 40 };
/** How much slower the slowest hundredth may be at the end: two cores do all of it at once. */
const slower = { times: 2, ms: 100 };

export interface Soaked {
  stack: BenchStack;
  sent: Sent;
  /** The days that backfills read. */
  range: Days;
  spools: readonly string[];
  vitals: readonly Vitals[];
}

export interface Measured {
  timings: readonly Compared[];
  early: Span;
  late: Span;
}

/** Whether everything that was taken is there once, and what has grown. */
export async function judgeSoak(soaked: Soaked, measured: Measured): Promise<{ holds: boolean; seen: string }> {
  await untilQuiet(soaked);
  const checks = [
    ...(await checkRows(soaked)),
    ...checkMemory(soaked.vitals, measured),
    ...checkDisk(soaked, measured),
    ...measured.timings.map(checkTiming),
  ];
  return {
    holds: checks.every(({ holds }) => holds),
    seen: checks.map(({ holds, seen }) => (holds ? seen : `NOT AS IT SHOULD: ${seen}`)).join("; "),
  };
}

interface Check {
  holds: boolean;
  seen: string;
}

async function untilQuiet({ stack, spools }: Soaked): Promise<void> {
  await untilJudged(stack.database, patienceMs);
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const waiting = (await Promise.all(spools.map(folderBytes))).reduce((sum, bytes) => sum + bytes, 0);
    if (waiting === 0) return;
    if (Date.now() > deadline) throw new Error(`${waiting} bytes of events still wait on the disk`);
    await wait(250);
  }
}

async function checkRows({ stack, sent, range }: Soaked): Promise<Check[]> {
  const { database } = stack;
  const days = await countDays(stack, range);
  const { rows } = await database.query<Record<"conversions" | "cents" | "spend" | "lines" | "old", string>>(
    `select (select count(*) from anytrack.conversions where click_id like 'atclk\\_713-soak-%')::text as conversions,
            (select (coalesce(sum(revenue), 0) * 100)::bigint from anytrack.conversions where click_id like 'atclk\\_713-soak-%')::text as cents,
            (select coalesce(sum(spend), 0)::numeric(18, 2) from rtb.performance_metrics)::text as spend,
            (select count(*) from rtb.performance_metrics)::text as lines,
            (select count(*) from ops.runs where run_id like 'old-%')::text as old`,
  );
  const { conversions = "", cents = "", spend = "", lines = "", old = "" } = rows[0] ?? {};
  const known = await database.query<{ id: string }>(
    "select event_id as id from promo.promo_impression_tracking union all select event_id from promo.promo_click_tracking",
  );
  const events = new Set(known.rows.map(({ id }) => id));
  const lost = [...sent.events].filter((id) => !events.has(id)).length;
  const counts = await readCounts(database);
  const claims = await checkBooks(database, { distinct: sent.reports.size, shared: 0 });
  const books = await Promise.all(sources.map((source) => compareBooks(database, targetOf(source, "713", range.to))));
  const differing = books.reduce((sum, { differences }) => sum + differences.length, 0);
  const slices = books.reduce((sum, one) => sum + one.slices, 0);
  const rowsSent = sent.files.spend.size * sent.files.rowsOfDay;
  return [
    {
      holds: days.lost + days.doubled + days.differences === 0 && days.costStored === days.costVendor,
      seen: `Redtrack ${days.rows} rows: lost ${days.lost}, doubled ${days.doubled}, ${days.differences} differ`,
    },
    {
      holds: conversions === String(sent.conversions.count) && cents === String(sent.conversions.cents),
      seen: `conversions ${conversions} of ${sent.conversions.count}, cents ${cents} of ${sent.conversions.cents}`,
    },
    {
      holds: lost === 0 && events.size === known.rows.length && counts.isOne,
      seen: `events ${sent.events.size}: lost ${lost}, doubled ${known.rows.length - events.size}; ${counts.text}`,
    },
    { holds: claims.isGood, seen: `claims ${sent.reports.size}, logs ${claims.found["logs"]}${claims.off}` },
    {
      holds: lines === String(rowsSent) && sameCents(spend, spendOf(sent.files)),
      seen: `files ${sent.files.names.length}: ${lines} of ${rowsSent} rows, spend ${spend} of ${spendOf(sent.files)}`,
    },
    { holds: differing === 0, seen: `${slices} slices, ${differing} that differ from their receipts` },
    { holds: old === "0", seen: `${old} of 1000 rows left that are older than their retention` },
  ];
}

const within = (vitals: readonly Vitals[], [from, to]: Span) => vitals.filter(({ atMs }) => atMs >= from && atMs < to);

function checkMemory(vitals: readonly Vitals[], { early, late }: Measured): Check[] {
  const names = Object.keys(vitals[0]?.memory ?? {});
  return names.map((name) => {
    const at = (span: Span) => medianOf(within(vitals, span).map(({ memory }) => memory[name] ?? 0));
    const [before, after] = [at(early), at(late)];
    return {
      holds: after <= Math.max(before * growth.share, before + growth.megabytes),
      seen: `memory of the ${name} that lived on ${before} to ${after} MB`,
    };
  });
}

/** The disk takes as much more in the last sixth of the time as in the second. */
function checkDisk({ vitals }: Soaked, { early, late }: Measured): Check[] {
  const grown = (span: Span) => {
    const sizes = within(vitals, span).map(({ databaseMb }) => databaseMb);
    return (sizes.at(-1) ?? 0) - (sizes[0] ?? 0);
  };
  const [before, after] = [grown(early), grown(late)];
  const spools = Math.max(...vitals.map(({ spoolMb }) => spoolMb));
  return [
    {
      holds: after <= Math.max(before * growth.share, before + growth.megabytes),
      seen: `database ${(vitals[0]?.databaseMb ?? 0).toFixed(0)} to ${(vitals.at(-1)?.databaseMb ?? 0).toFixed(0)} MB, ${before.toFixed(1)} MB more in the second sixth and ${after.toFixed(1)} in the last; at most ${spools.toFixed(1)} MB of events on the disk`,
    },
  ];
}

function checkTiming({ what, answers, failures, firstMs, lastMs }: Compared): Check {
  return {
    holds: lastMs <= Math.max(firstMs * slower.times, firstMs + slower.ms),
    seen: `${what}: ${answers} answers, ${failures} tries in vain, 99 % within ${firstMs.toFixed(0)} ms first and ${lastMs.toFixed(0)} ms last`,
  };
}
