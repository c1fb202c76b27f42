import { z } from "zod";
import { addDays, dayAt, daysFromTo } from "../../core/days.ts";
import { cents } from "../../core/money.ts";
import { lastDue } from "../../rules/sync/expectation.ts";
import { feeds as allFeeds } from "../../connectors/registry.ts";
import { readAlerts, type AlertRow } from "../../queries/ops/alerts.ts";
import { listFiles, type FileRow } from "../../queries/files/files.ts";
import { readLastFetch, readOverdueDays } from "../../queries/ops/retention.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { readFailedSlices, type FailedSlice } from "../../queries/sync/ledger.ts";
import { readRuns, type RunRow } from "../../queries/sync/runs.ts";
import { readFreshness, type FreshnessRow } from "../../queries/sync/freshness.ts";
import { countQuarantine, readCoveredFrom, type OpenQuarantine } from "../../queries/sync/status.ts";
import { plannedSchedules } from "../../temporal.config.ts";
import type { Database } from "../../schema/database.ts";
import {
  anyClientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  sourceName,
  sourceOption,
  wholeNumber,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { whyNothingIsStored } from "../shared/nothing-stored.ts";
import { count, instant, table } from "../shared/printing.ts";
import { glanceAtSchedules, scheduleTable, type ScheduleState } from "../shared/schedule-states.ts";
import type { SyncSchedule } from "../../settings/config.ts";
import { zoneOfFeed } from "../../settings/windows.ts";

const runsShown = 10;
const filesShown = 10;
const alertsShown = 50;
const failuresShown = 30;

type DayState = FreshnessRow["state"] | "missing";

interface FeedStatus {
  client: string;
  source: string;
  lastFetch: Date | null;
  /** A scheduled moment has passed without a fetch, or days that ended are not final. */
  late: string | null;
  /** A day that was never read has no origin. */
  days: (Omit<FreshnessRow, "state" | "client" | "source" | "origin"> & {
    state: DayState;
    origin: FreshnessRow["origin"] | null;
  })[];
}

type Schedules = { reachable: true; states: ScheduleState[] } | { reachable: false; reason: string };

const command = defineCommand(
  "status",
  "Shows how fresh each source is, what failed, what needs a person, and what runs next.",
  ["npm run status", "npm run status -- --source redtrack.daily_spend --days 30", "npm run status -- --check --json"],
)
  .option(...sourceOption)
  .option(...anyClientOption)
  .option("--days <days>", "how many days back", "7")
  .option("--check", "exit 1 when something failed or is late");

command.action(
  work(
    z.object({
      source: sourceName.optional(),
      client: z.string().optional(),
      days: wholeNumber({ most: 3_650 }),
      check: z.boolean().default(false),
    }),
    async (context, options): Promise<Report> => {
      // Both are asked at once: most of the time goes with waiting for one of them.
      const asked = readSchedules(context);
      const database = await context.database();
      const { source } = options;
      const client = options.client === undefined ? undefined : context.client(options.client);
      const filter = { source, client };
      const now = await databaseNow(database);
      const feeds = await readFeeds(context, database, { ...filter, days: options.days, now });
      const runs = await readRuns(database, { ...filter, limit: runsShown });
      const files = source === undefined ? await readFiles(context, database, client) : [];
      const failed = await readFailedSlices(database, filter);
      const quarantine = await countQuarantine(database, filter);
      const alerts = (await readAlerts(database, { client, open: true, limit: alertsShown })).filter(
        (alert) => source === undefined || alert.subject.startsWith(source),
      );
      const notStored = await whyNothingIsStored(database);
      const schedules = await asked;
      const wrong = notStored !== null || failed.length > 0 || feeds.some((feed) => feed.late !== null);
      return {
        exitCode: options.check && wrong ? exitCodes.found : exitCodes.fine,
        document: {
          at: now,
          ok: !wrong,
          feeds,
          runs,
          files,
          failed,
          quarantine,
          alerts,
          alertsUnknown: notStored,
          schedules,
        },
        lines: [
          ...feeds.flatMap(describeFeed),
          ...section("Last runs", describeRuns(runs)),
          ...section("Last files", describeFiles(files)),
          ...section("Failed slices", describeFailed(failed)),
          ...section("Quarantine, open", describeQuarantine(quarantine)),
          ...(notStored === null
            ? section("Alerts, open", describeAlerts(alerts))
            : [
                "",
                `Alerts, open: not known, since Postgres stores no new ones: ${notStored}`,
                ...describeAlerts(alerts).map((line) => `  ${line}`),
              ]),
          ...section("Schedules", schedules.reachable ? scheduleTable(schedules.states) : [schedules.reason]),
        ],
      };
    },
  ),
);

async function readFeeds(
  context: CommandContext,
  database: Database,
  of: { source?: string | undefined; client?: string | undefined; days: number; now: Date },
): Promise<FeedStatus[]> {
  const feeds: FeedStatus[] = [];
  for (const source of allFeeds.filter((candidate) => of.source === undefined || candidate.name === of.source)) {
    for (const client of context.config.clients.filter(
      (candidate) => of.client === undefined || candidate === of.client,
    )) {
      const feed = { client, source: source.name };
      const today = dayAt(of.now, zoneOfFeed(context.config, source));
      const from = addDays(today, 1 - of.days);
      const known = await readFreshness(database, { ...feed, from });
      const lastFetch = await readLastFetch(database, feed);
      // A client without a key has nothing to be late with.
      const hasKey = context.config.accounts.get(`${source.vendor.name}/${client}`)?.missing.length === 0;
      if (!hasKey && lastFetch === null) continue;
      const covered = await readCoveredFrom(database, feed);
      const days = withMissing(
        known,
        covered === null || covered < from ? from : covered,
        addDays(today, -1),
        covered !== null,
      );
      feeds.push({
        ...feed,
        lastFetch,
        late: hasKey
          ? await lateness(database, feed, { lastFetch, now: of.now, schedules: context.config.schedules })
          : null,
        days,
      });
    }
  }
  return feeds;
}

/** Days that scheduled runs should have fetched and did not have no row in the ledger. */
function withMissing(known: readonly FreshnessRow[], from: string, to: string, covered: boolean): FeedStatus["days"] {
  const days: FeedStatus["days"] = known.map(({ client: _client, source: _source, ...day }) => day);
  const there = new Set(known.map((day) => day.day));
  const missing = covered && from <= to ? daysFromTo(from, to).filter((day) => !there.has(day)) : [];
  const unread = missing.map((day) => ({
    day,
    state: "missing" as const,
    loadedAt: null,
    rows: 0,
    total: "0.00",
    reconciled: null,
    failure: null,
    origin: null,
  }));
  return [...days, ...unread].sort((one, other) => other.day.localeCompare(one.day));
}

async function lateness(
  database: Database,
  feed: { client: string; source: string },
  { lastFetch, now, schedules }: { lastFetch: Date | null; now: Date; schedules: readonly SyncSchedule[] },
): Promise<string | null> {
  const schedule = schedules.find((candidate) => candidate.source === feed.source);
  if (schedule === undefined) return null;
  const due = lastDue(schedule, now);
  if (due !== null && lastFetch !== null && lastFetch < due) return `expected to be read after ${instant(due)}`;
  const overdue = await readOverdueDays(database, { ...feed, before: addDays(dayAt(now, schedule.timezone), -1) });
  return overdue.length === 0
    ? null
    : `${count(overdue.length, "day")} not final: ${overdue.slice(0, 10).join(", ")}${overdue.length > 10 ? ", ..." : ""}`;
}

async function readSchedules(context: CommandContext): Promise<Schedules> {
  try {
    return { reachable: true, states: await glanceAtSchedules(context, plannedSchedules(context.config)) };
  } catch (error) {
    // The rest comes from Postgres, and is worth having without it.
    const reason = error instanceof CommandError ? error.message : "Temporal did not say: npm run doctor";
    return { reachable: false, reason };
  }
}

function section(title: string, lines: string[]): string[] {
  return ["", `${title}${lines.length === 0 ? ": none" : ""}`, ...lines.map((line) => `  ${line}`)];
}

function describeFeed(feed: FeedStatus): string[] {
  const made = feed.days.some(({ origin }) => origin === "sandbox") ? ", SANDBOX" : "";
  const title = `${feed.source}, client ${feed.client}${made}: last read ${instant(feed.lastFetch)}${feed.late === null ? "" : `, LATE: ${feed.late}`}`;
  const agreed = (reconciled: boolean | null) => (reconciled === null ? "no vendor total" : reconciled ? "yes" : "NO");
  const rows = feed.days.map((day) => [
    day.day,
    day.state,
    instant(day.loadedAt),
    day.rows,
    day.total,
    day.loadedAt === null ? "" : agreed(day.reconciled),
    day.origin ?? "",
    (day.failure ?? "").slice(0, 100),
  ]);
  return [
    title,
    ...(rows.length === 0
      ? ["  nothing was read in these days"]
      : table(["day", "state", "loaded at", "rows", "sum", "reconciled", "origin", "failure"], rows).map(
          (line) => `  ${line}`,
        )),
  ];
}

function describeRuns(runs: readonly RunRow[]): string[] {
  if (runs.length === 0) return [];
  return table(
    ["started", "kind", "client", "source", "days", "outcome", "done", "failed", "inserted", "updated", "withdrawn"],
    runs.map((run) => [
      instant(run.startedAt),
      run.kind.replace("_", " "),
      run.client,
      run.source,
      run.from === run.to ? (run.from ?? "") : `${run.from}..${run.to}`,
      run.outcome,
      `${run.done}/${run.planned}`,
      run.failed,
      run.inserted,
      run.updated,
      run.withdrawn,
    ]),
  );
}

async function readFiles(context: CommandContext, database: Database, only: string | undefined): Promise<FileRow[]> {
  const clients = context.config.clients.filter((client) => only === undefined || client === only);
  const files = await Promise.all(clients.map((client) => listFiles(database, { client, limit: filesShown })));
  return files
    .flat()
    .sort((one, other) => other.fileId - one.fileId)
    .slice(0, filesShown);
}

function describeFiles(files: readonly FileRow[]): string[] {
  if (files.length === 0) return [];
  return table(
    ["file", "taken", "client", "name", "outcome", "lines", "rejected", "spend", "days", "why"],
    files.map((file) => [
      file.fileId,
      instant(file.committedAt),
      file.client,
      file.name.slice(0, 60),
      file.outcome,
      file.lines,
      file.rejected,
      cents(file.spend),
      file.dayFrom === file.dayTo ? (file.dayFrom ?? "") : `${file.dayFrom}..${file.dayTo}`,
      (file.reason ?? "").slice(0, 120),
    ]),
  );
}

function describeFailed(failed: readonly FailedSlice[]): string[] {
  if (failed.length === 0) return [];
  const more = failed.length > failuresShown ? [`and ${failed.length - failuresShown} more`] : [];
  return [
    ...failed
      .slice(0, failuresShown)
      .map((slice) => `${slice.source}/${slice.client}/${slice.day}  ${slice.type}: ${slice.reason}`),
    ...more,
    "try them again with: npm run rerun -- --failed",
  ];
}

function describeQuarantine(open: readonly OpenQuarantine[]): string[] {
  if (open.length === 0) return [];
  return table(
    ["client", "source", "entries", "slices", "amount"],
    open.map((row) => [row.client, row.source, row.entries, row.slices, cents(row.amount)]),
  );
}

function describeAlerts(alerts: readonly AlertRow[]): string[] {
  return alerts.map(
    (alert) =>
      `${alert.severity} ${alert.kind}, client ${alert.client}, since ${instant(alert.openedAt)}, seen ${count(alert.timesSeen, "time")}: ${alert.message}`,
  );
}

await runCommand(command);
