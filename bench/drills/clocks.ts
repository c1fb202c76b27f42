import { readFile } from "node:fs/promises";
import path from "node:path";
import { sources } from "../../connectors/registry.ts";
import { addDays, dayAt } from "../../core/days.ts";
import { projectRoot } from "../../settings/environment.ts";
import { mainQueue } from "../../temporal.config.ts";
import { killChild, type ChildOptions } from "../children.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { startBackfill, statusOf, untilOver } from "./backfill-kills.ts";
import { finding, type Drill } from "./drill.ts";

const dayMs = 86_400_000;
const preload = path.join(projectRoot(), "dist/bench/drills/shift-clock.js");
const shifts = [0, dayMs, -dayMs];
const zones = ["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"];
/** Where clocks change in New York: a day of 25 hours, and one of 23. */
const changes = ["2025-11-02", "2025-03-09"];

export const clockSkew: Drill = {
  rows: [18],
  name: "clock-skew",
  done: "a worker whose clock is a day ahead, and one whose clock is a day behind, bring the source up to date, and are asked for today and tomorrow",
  expected: "the same days, as final and with the same amounts as with the right clock; tomorrow refused",
  isShort: true,
  run: async () => {
    const seen = await compareWorkers(
      shifts.map((shiftMs) => ({
        name: `${shiftMs / dayMs} d`,
        options: { nodeOptions: ["--import", preload], env: { CLOCK_SHIFT_MS: String(shiftMs), LOG_LEVEL: "info" } },
      })),
      async (stack, name) => {
        await stack.temporal.client.workflow.start("syncSource", {
          workflowId: name,
          taskQueue: mainQueue,
          args: [{ source: "redtrack.daily_spend" }],
        });
        await untilOver(stack, name);
        await askForToday(stack, name);
        const { time } = await lastLogLine(stack);
        const daysOff = Math.round((time - Date.now()) / dayMs);
        if (`${daysOff} d` !== name) throw new Error(`the worker's clock is ${daysOff} days off, not ${name}`);
      },
    );
    return judge(seen, "clocks");
  },
};

export const hostZones: Drill = {
  rows: [17],
  name: "host-zones",
  done: `workers on hosts in ${zones.length} time zones pull the days around both changes of the clock`,
  expected: "one slice for each civil day, with the same rows whatever the host's zone",
  isShort: true,
  run: async () => {
    const seen = await compareWorkers(
      zones.map((zone) => ({ name: zone, options: { env: { TZ: zone } } })),
      async (stack, name) => {
        for (const day of changes) {
          const workflowId = `${name}/${day}`;
          await startBackfill(stack, workflowId, { from: addDays(day, -1), to: addDays(day, 1) });
          await untilOver(stack, workflowId);
        }
      },
    );
    return judge(seen, "zones");
  },
};

interface Outcome {
  name: string;
  days: number;
  rows: number;
  content: string;
}

/** The same work by one worker after the other, each on empty tables. */
async function compareWorkers(
  workers: { name: string; options: ChildOptions }[],
  work: (stack: BenchStack, name: string) => Promise<void>,
): Promise<Outcome[]> {
  const stack = await startBenchStack({ settings: { REDTRACK_INTERVAL_MS: "0" } });
  try {
    const outcomes: Outcome[] = [];
    for (const { name, options } of workers) {
      await stack.database.query(
        "truncate redtrack.daily_spend, ops.slices, ops.receipts, ops.restatements, ops.quarantine, ops.runs, ops.run_failures, ops.alerts, ops.coverage",
      );
      const worker = await stack.startWorker(options);
      await work(stack, name);
      outcomes.push({ name, ...(await readTables(stack)) });
      await killChild(worker);
    }
    return outcomes;
  } finally {
    await stack.stop();
  }
}

/** The days with their state, and the rows of those that are over: an unfinished day still grows at the vendor. */
async function readTables({ database }: BenchStack): Promise<Omit<Outcome, "name">> {
  const { rows } = await database.query<Omit<Outcome, "name">>(
    `select (select count(*) from ops.slices) as days, (select count(*) from redtrack.daily_spend) as rows,
            md5(concat(
              (select string_agg(concat_ws('|', slice, timezone, is_final), ',' order by slice) from ops.slices),
              (select string_agg(concat_ws('|', d.date, d.source_id, d._slice, d.clicks, d.cost, d.revenue), ',' order by d.date, d.source_id)
                 from redtrack.daily_spend d join ops.slices s on s._client_id = d._client_id and s.slice = d._slice::text where s.is_final)
            )) as content`,
  );
  const [found] = rows;
  if (found === undefined) throw new Error("nothing to read");
  return found;
}

/** A worker that went by its own clock would refuse today, or take tomorrow. */
async function askForToday(stack: BenchStack, name: string): Promise<void> {
  const timezone = sources.find((source) => source.name === "redtrack.daily_spend")?.slices.timezone ?? "UTC";
  const today = dayAt(new Date(), timezone);
  await startBackfill(stack, `${name}/today`, { from: today, to: today });
  await untilOver(stack, `${name}/today`);
  await startBackfill(stack, `${name}/tomorrow`, { from: today, to: addDays(today, 1) });
  const answer = await untilOver(stack, `${name}/tomorrow`).then(
    () => "taken",
    () => statusOf(stack, `${name}/tomorrow`),
  );
  if (answer !== "FAILED")
    throw new Error(`a backfill of tomorrow was ${answer} by a worker whose clock is ${name} off`);
}

/** What the worker itself takes for the time: that its clock was shifted at all. */
async function lastLogLine({ folder }: BenchStack): Promise<{ time: number }> {
  const lines = (await readFile(path.join(folder, "worker.log"), "utf8")).split("\n");
  const line = lines.findLast((text) => text.startsWith("{"));
  const { time } = JSON.parse(line ?? "{}") as { time?: number | string };
  return { time: new Date(time ?? Number.NaN).getTime() };
}

function judge(seen: Outcome[], what: string) {
  const different = seen.filter(({ content }) => content !== seen[0]?.content);
  return finding(
    different.length === 0 && seen.every(({ days, rows }) => days > 0 && rows > 0),
    `${seen.length} ${what} (${seen.map(({ name }) => name).join(", ")}): ${seen[0]?.days} days and ${seen[0]?.rows} rows each, ${
      different.length === 0 ? "all the same" : `different: ${different.map(({ name }) => name).join(", ")}`
    }`,
  );
}
