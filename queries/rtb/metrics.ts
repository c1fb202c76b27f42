import { addDays } from "../../core/days.ts";
import { prepared, type Queryable } from "../../schema/database.ts";
import type { Period } from "./rollups.ts";

/** Days of a period, both included; null where it has no such end. */
export interface Days {
  from: string | null;
  to: string | null;
}

const periodDays = { "7d": 7, "30d": 30 } as const;

/** Which days a period has on a day: `1d` is the day before, `7d` and `30d` end with the day itself. */
export function daysOf(period: Period, asOf: string): Days {
  if (period === "all") return { from: null, to: null };
  if (period === "1d") return { from: addDays(asOf, -1), to: addDays(asOf, -1) };
  return { from: addDays(asOf, 1 - periodDays[period]), to: asOf };
}

/** The days of a period that are over, and as many of the one before it; null where there is nothing to compare with. */
export function comparedDays(
  period: Period,
  asOf: string,
): Record<"over" | "before", { from: string; to: string }> | null {
  const { from } = daysOf(period, asOf);
  if (from === null || period === "all") return null;
  const length = period === "1d" ? 1 : periodDays[period];
  const to = addDays(asOf, -1);
  return { over: { from, to }, before: { from: addDays(from, -length), to: addDays(to, -length) } };
}

/** Columns of the roll-up `p` that a period's trend compares: `ended`, what was spent on its days that are over, and `previous`. */
export function comparedSql(period: Period, p: string): { ended: string; previous: string } {
  if (period === "all") return { ended: "null::numeric", previous: "null::numeric" };
  const today = period === "1d" ? "" : ` - ${p}.spend_today`;
  return { ended: `${p}.spend_${period}${today}`, previous: `${p}.previous_spend_${period}` };
}

/** The day that a client's roll-ups end with; null when nothing was rolled up yet. */
export async function readAsOf(database: Queryable, of: { client: string }): Promise<string | null> {
  const { rows } = await database.query<{ asOf: string }>(
    `select as_of as "asOf" from rtb.client_performance where _client_id = $1`,
    [of.client],
  );
  return rows[0]?.asOf ?? null;
}

/** Of which day sums are that were read. */
export interface SumsState {
  /** The day that the client's periods end with; null when nothing was rolled up yet. */
  asOf: string | null;
  /** Changes with every change of the client's records: what was computed of one version is true of it only. */
  version: string | null;
}

/** One row in any case. Whatever changes the records or moves the periods writes it in the same transaction; read in the statement that reads the sums, it is of them. */
export const stateSql = (client: string) =>
  `(select max(as_of) as "asOf", max(refreshed_at)::text as version from rtb.client_performance where _client_id = ${client})`;

/** Rows that a statement joined to its state. There is always one; without its key it says only that there are no others. */
export function apartFromState<Row extends object>(
  rows: readonly (Row & SumsState)[],
  key: keyof Row,
): SumsState & { rows: (Row & SumsState)[] } {
  const { asOf = null, version = null } = rows[0] ?? {};
  return { asOf, version, rows: rows.filter((row) => row[key] !== null) };
}

/** Sums are decimal text: they have room for more than a JS number. Ratios have four places, percentages two. */
export interface Figures {
  /** Rounded to the cent. */
  spend: string;
  impressions: string;
  clicks: string;
  cpc: string | null;
  cpm: string | null;
}

/** A ratio of sums, four places; null without a denominator. */
export const ratioSql = {
  cpc: (spend: string, clicks: string) => `round(${spend} / nullif(${clicks}, 0), 4)`,
  cpm: (spend: string, impressions: string) => `round(${spend} * 1000 / nullif(${impressions}, 0), 4)`,
};

/** A part of a whole in percent, two places; null without a whole. */
export const percentSql = (part: string, whole: string) => `round(${part} * 100 / nullif(${whole}, 0), 2)`;

export type MetricRow = Omit<Figures, "spend"> & {
  date: string;
  hour: number | null;
  geography: string | null;
  deviceType: string | null;
  placement: string | null;
  /** With every digit: one row may well have spent less than a cent. */
  spend: string;
  fileId: number;
};

/** Where a page of records ends: the key of its last one, as it is stored. */
export interface MetricPlace {
  date: string;
  hour: number;
  geography: string;
  deviceType: string;
  placement: string;
}

/** The records of one creative, the newest first, in the order of the key that they are stored by. */
export async function readMetrics(
  database: Queryable,
  of: {
    client: string;
    /** Our number. */
    id: string;
    from?: string | undefined;
    to?: string | undefined;
    geography?: string | undefined;
    after?: MetricPlace | null;
    limit: number;
  },
): Promise<MetricRow[]> {
  const { after } = of;
  // Only what is asked for is said: a plan that knows the days opens their months alone.
  const values: unknown[] = [of.client, of.id];
  const conditions = ["_client_id = $1", "creative_id = $2"];
  const add = (condition: (place: string) => string, value: unknown) =>
    conditions.push(condition(`$${values.push(value)}`));
  if (of.from !== undefined) add((place) => `date >= ${place}`, of.from);
  if (of.to !== undefined) add((place) => `date <= ${place}`, of.to);
  if (of.geography !== undefined) add((place) => `geography = ${place}`, of.geography);
  if (after !== undefined && after !== null) {
    const places = [after.date, after.hour, after.geography, after.deviceType, after.placement].map(
      (value) => `$${values.push(value)}`,
    );
    conditions.push(`date <= ${places[0]}`);
    conditions.push(`(date, hour, geography, device_type, placement) < (${places.join(", ")})`);
  }
  const { rows } = await database.query<MetricRow>(
    prepared(
      `select m.date, nullif(m.hour, -1) as hour, nullif(m.geography, '') as geography, nullif(m.device_type, '') as "deviceType",
            nullif(m.placement, '') as placement, m.impressions::text, m.clicks::text, m.spend, ${ratioSql.cpc("m.spend", "m.clicks")} as cpc,
            ${ratioSql.cpm("m.spend", "m.impressions")} as cpm, m._file_id as "fileId"
       from rtb.performance_metrics m
      where ${conditions.join(" and ")}
      order by m.date desc, m.hour desc, m.geography desc, m.device_type desc, m.placement desc limit ${Math.trunc(of.limit)}`,
      values,
    ),
  );
  return rows;
}
