import { addDays, comparedDays, rangeBefore } from "../../core/days.ts";
import { spendAtThisHour, type SpendNow } from "../../rules/cost/pace.ts";
import { touchedBy } from "../../rules/overview/touches.ts";
import { lateSources } from "../../rules/sync/lateness.ts";
import type { Queryable } from "../../schema/database.ts";
import { readAttention, type Attention } from "../recon/dashboards.ts";
import { readCpaByAffiliate, readCpaTotalsOf, readReliability, type CpaAffiliate, type CpaTotal } from "../cost/cpa.ts";
import { readPulls, readSpendCalendar, readSpendCourses, type SpendCalendar } from "../cost/spend.ts";
import { performanceSource } from "../files/files.ts";
import { readImportDays } from "../files/import-days.ts";
import { readAlerts, type AlertRow } from "../ops/alerts.ts";
import { readSourceFreshness } from "../sync/freshness.ts";
import { readGrid } from "../sync/freshness-grid.ts";
import { readRestated, type Restated } from "./restated.ts";

/** The periods that a morning asks about, and how many days back each begins and ends. */
const periods = {
  today: { days: 1, ends: 0 },
  yesterday: { days: 1, ends: -1 },
  "7d": { days: 7, ends: 0 },
  "30d": { days: 30, ends: 0 },
} as const;
export type OverviewPeriod = keyof typeof periods;
export const overviewPeriods = Object.keys(periods) as [OverviewPeriod, ...OverviewPeriod[]];

interface Span {
  name: OverviewPeriod;
  from: string;
  to: string;
  /** The days of it that are over; null where none is. */
  over: { from: string; to: string } | null;
  /** The same days of the period before. */
  before: { from: string; to: string };
}

/** A row of the whole period, with what is compared: the days that are over, and the same days of the period before. */
type Beside<Row> = Row & { over: Row | null; before: Row | null };

export interface PeriodTotals extends Span {
  /** Every day of both feeds is final. */
  isFinal: boolean;
  /** Days of the range before that one of the feeds has nothing of: changes against it are too great. */
  missingBefore: number;
  totals: Beside<CpaTotal>[];
}

export interface OpenFeed {
  source: string;
  /** Of files: how they are read. */
  mapping: string | null;
  touches: string;
  late: string | null;
  provisional: string[];
  partial: string[];
  failed: string[];
  missing: string[];
}

export interface Overview {
  today: string;
  since: Date;
  spend: Omit<SpendNow, "sources"> &
    Pick<SpendCalendar, "timezone" | "currency" | "origin"> & {
      /** With what each cost on each of the whole days before, the oldest first; null where a day is not there. */
      sources: (SpendNow["sources"][number] & { course: (string | null)[] })[];
    };
  periods: PeriodTotals[];
  affiliates: Span & { items: Beside<CpaAffiliate>[] };
  restated: Restated[];
  open: OpenFeed[];
  alerts: { critical: number; warning: number; info: number; latest: AlertRow[] };
  attention: Attention;
}

interface Asked {
  client: string;
  /** The client's day, and the zone it is of. */
  today: string;
  timezone: string;
  now: Date;
  since: Date;
  period: OverviewPeriod;
}

const mostRestated = 100;
const mostAlerts = 500;
const shownAlerts = 5;
/** How many whole days the course of a source's spend shows. */
const courseDays = 14;

/** What a morning wants to know, in one answer. */
export async function readOverview(database: Queryable, asked: Asked): Promise<Overview> {
  const { client, today, since, period } = asked;
  const [spend, totals, affiliates, restated, open, alerts, attention] = await Promise.all([
    readSpendNow(database, client),
    readPeriods(database, client, today),
    readAffiliates(database, client, spanOf(period, today)),
    readRestated(database, { client, since, limit: mostRestated }),
    readOpen(database, asked),
    readAlerts(database, { client, open: true, limit: mostAlerts }),
    readAttention(database, { client, advertiserId: null }),
  ]);
  const count = (severity: string) => alerts.filter((alert) => alert.severity === severity).length;
  return {
    today,
    since,
    spend,
    periods: totals,
    affiliates,
    restated,
    open,
    attention,
    alerts: {
      critical: count("critical"),
      warning: count("warning"),
      info: count("info"),
      latest: alerts.slice(0, shownAlerts),
    },
  };
}

function spanOf(name: OverviewPeriod, today: string): Span {
  const { days, ends } = periods[name];
  const to = addDays(today, ends);
  const from = addDays(to, 1 - days);
  const compared = comparedDays({ from, to }, today);
  const over = compared === null ? null : { from: compared.from, to: compared.to };
  return { name, from, to, over, before: compared?.before ?? rangeBefore(from, to) };
}

async function readSpendNow(database: Queryable, client: string): Promise<Overview["spend"]> {
  const { today, timezone, currency, origin } = await readSpendCalendar(database, client);
  const days = [today, addDays(today, -1), addDays(today, -7)];
  const [pulls, courses] = await Promise.all([
    readPulls(database, { client, days }),
    readSpendCourses(database, { client, from: addDays(today, -courseDays), to: addDays(today, -1) }),
  ]);
  const spend = spendAtThisHour(pulls, today);
  const sources = spend.sources.map((one) => ({ ...one, course: courses.get(one.sourceId) ?? [] }));
  return { ...spend, sources, timezone, currency, origin };
}

async function readPeriods(database: Queryable, client: string, today: string): Promise<PeriodTotals[]> {
  const spans = overviewPeriods.map((name) => spanOf(name, today));
  const ranges = [...spans, ...spans.map(({ before }) => before), ...spans.flatMap(({ over }) => over ?? [])];
  // What today is compared with is a period of its own: each range is asked for once.
  const asked = new Map(ranges.map(({ from, to }) => [keyOf({ from, to }), { from, to }]));
  const first = ranges.reduce((least, { from }) => (from < least ? from : least), today);
  const [days, totals] = await Promise.all([
    readReliability(database, { client, from: first, to: today }),
    readCpaTotalsOf(database, client, [...asked.values()]),
  ]);
  const known = new Map([...asked.keys()].map((key, index) => [key, totals[index] ?? []]));
  return spans.map((span) => ({
    ...span,
    isFinal: days.every(
      ({ provisional, failed, missing }) => within(span, [...provisional, ...failed, ...missing]) === 0,
    ),
    missingBefore: Math.max(0, ...days.map(({ failed, missing }) => within(span.before, [...failed, ...missing]))),
    totals: beside(span, (range) => known.get(keyOf(range)) ?? []),
  }));
}

type Days = Pick<Span, "from" | "to">;
const keyOf = ({ from, to }: Days) => `${from}..${to}`;
const within = ({ from, to }: Days, days: readonly string[]) => days.filter((day) => day >= from && day <= to).length;

function beside(span: Span, totalsOf: (days: Days) => readonly CpaTotal[]): Beside<CpaTotal>[] {
  const like = (row: CpaTotal, days: Days | null) =>
    days === null
      ? null
      : (totalsOf(days).find((other) => row.currency === other.currency && row.origin === other.origin) ?? null);
  return totalsOf(span).map((row) => ({ ...row, over: like(row, span.over), before: like(row, span.before) }));
}

async function readAffiliates(database: Queryable, client: string, span: Span): Promise<Overview["affiliates"]> {
  const { from, to, over, before } = span;
  const [now, whole, earlier] = await Promise.all([
    readCpaByAffiliate(database, { client, from, to }),
    over === null || over.to === to ? null : readCpaByAffiliate(database, { client, ...over }),
    readCpaByAffiliate(database, { client, ...before }),
  ]);
  const idOf = ({ affiliateId, affiliate, currency, origin }: CpaAffiliate) =>
    JSON.stringify([affiliateId ?? affiliate, currency, origin]);
  const byId = (rows: readonly CpaAffiliate[]) => new Map(rows.map((row) => [idOf(row), row]));
  const [ofOver, ofBefore] = [byId(over === null ? [] : (whole ?? now)), byId(earlier)];
  return {
    ...span,
    items: now.map((row) => ({ ...row, over: ofOver.get(idOf(row)) ?? null, before: ofBefore.get(idOf(row)) ?? null })),
  };
}

/** Feeds and files that are late, or have a day of the last 30 that is not final, and what that touches. */
async function readOpen(
  database: Queryable,
  { client, today, timezone, now }: Omit<Asked, "since" | "period">,
): Promise<OpenFeed[]> {
  const range = { from: addDays(today, -29), to: today };
  const [cells, freshness, files] = await Promise.all([
    readGrid(database, { client, ...range }),
    readSourceFreshness(database, { client }),
    readImportDays(database, { client, timezone, now, ...range }),
  ]);
  const late = new Map(lateSources(freshness, now).map(({ source, reason }) => [source, reason]));
  const sources = [...new Set(cells.map(({ source }) => source))];
  const touches = touchedBy(performanceSource);
  return [
    ...sources.map((source): OpenFeed => {
      const known = { source, mapping: null, touches: touchedBy(source), late: late.get(source) ?? null };
      return { ...known, ...openDays(cells.filter((cell) => cell.source === source)) };
    }),
    ...files.feeds.map(({ mapping, late: why }): OpenFeed => {
      const known = { source: performanceSource, mapping, touches, late: why };
      return { ...known, ...openDays(files.items.filter((item) => item.mapping === mapping)) };
    }),
  ].filter(
    ({ late: reason, provisional, partial, failed, missing }) =>
      reason !== null || provisional.length + partial.length + failed.length + missing.length > 0,
  );
}

function openDays(cells: readonly { day: string; state: string | null }[]) {
  const days = (state: string) => cells.filter((cell) => cell.state === state).map(({ day }) => day);
  return {
    provisional: days("provisional"),
    partial: days("partial"),
    failed: days("failed"),
    missing: days("missing"),
  };
}

/** When somebody last opened the morning page before the present visit; null at the first. */
export async function readLook(
  database: Queryable,
  { client, subject }: { client: string; subject: string },
): Promise<Date | null> {
  const { rows } = await database.query<{ at: Date | null }>(
    `select coalesce(looked_before_at, looked_at) as at from ops.last_looks where _client_id = $1 and subject = $2`,
    [client, subject],
  );
  return rows[0]?.at ?? null;
}
