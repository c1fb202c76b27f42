import type { ComparedDays } from "../../core/days.ts";
import type { Queryable } from "../../schema/database.ts";
import type { StoredOrigin } from "../../core/origin.ts";
import type { Range } from "./cpa.ts";

export const spendSource = "redtrack.daily_spend";

/** What the days of spend are: the calendar of the feed, which need not be the client's, and the account's currency. */
export interface SpendCalendar {
  timezone: string;
  currency: string;
  today: string;
  /** Who sends it: a feed has one origin at a time. */
  origin: StoredOrigin;
}

export async function readSpendCalendar(database: Queryable, client: string): Promise<SpendCalendar> {
  const { rows } = await database.query<SpendCalendar>(
    `select z.timezone, coalesce(a.currency, 'USD') as currency, (now() at time zone z.timezone)::date as today,
            coalesce((select origin from ops.slices where _client_id = $1 and source = $2 and receipt_id is not null order by day desc limit 1), 'unknown') as origin
       from (select coalesce((select timezone from ops.sources where source = $2),
                             (select timezone from ops.slices where _client_id = $1 and source = $2 order by day desc limit 1),
                             'America/New_York') as timezone) z
       left join public.account_currency a on a._client_id = $1 and a.vendor = 'redtrack'`,
    [client, spendSource],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("no calendar of spend");
  return row;
}

interface Spend {
  /** Rounded to the cent; null where nothing was loaded. */
  cost: string | null;
  clicks: number | null;
  conversions: number | null;
  revenue: string | null;
}

export interface SourceSpend extends Spend {
  sourceId: string;
  sourceName: string | null;
  days: number;
  /** In the days before. */
  costBefore: string | null;
  /** Of the days that are over, and of the same days of the range before: these two are compared. */
  costOver: string | null;
  costOverBefore: string | null;
}

const sums = `round(sum(cost), 2) as cost, sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions, round(sum(revenue), 2) as revenue`;

export interface Compared extends Range {
  before: { from: string; to: string };
  /** The days that are compared; null where none is over. */
  compared: ComparedDays | null;
}

/** No day at all. */
const none = { from: "infinity", to: "-infinity" };
const never: ComparedDays = { ...none, before: none };

/** Per traffic source, the greatest spend first. One that spent only in the days before is there, too. */
export async function readSpendBySource(
  database: Queryable,
  { client, from, to, before, compared }: Compared,
): Promise<SourceSpend[]> {
  const { before: overBefore, ...over } = compared ?? never;
  const { rows } = await database.query<SourceSpend>(
    `with named as (
       select distinct on (source_id) source_id, source_name from redtrack.daily_spend
        where _client_id = $1 and date between $4 and $3 order by source_id, date desc
     ), now as (
       select source_id, count(*)::int as days, ${sums}, round(sum(cost) filter (where date between $6 and $7), 2) as over
         from redtrack.daily_spend where _client_id = $1 and date between $2 and $3 group by 1
     ), earlier as (
       select source_id, round(sum(cost), 2) as cost, round(sum(cost) filter (where date between $8 and $9), 2) as over
         from redtrack.daily_spend where _client_id = $1 and date between $4 and $5 group by 1
     )
     select n.source_id as "sourceId", n.source_name as "sourceName", coalesce(o.days, 0) as days, o.cost, o.clicks, o.conversions, o.revenue, e.cost as "costBefore",
            o.over as "costOver", e.over as "costOverBefore"
       from named n left join now o using (source_id) left join earlier e using (source_id)
      order by o.cost desc nulls last, e.cost desc nulls last, n.source_id`,
    [client, from, to, before.from, before.to, over.from, over.to, overBefore.from, overBefore.to],
  );
  return rows;
}

export interface CampaignSpend extends Omit<SourceSpend, "days"> {
  campaignId: string;
  campaignName: string | null;
}

/** Per Redtrack campaign and traffic source, the greatest spend first. One that spent only in the days before is there, too. */
export async function readSpendByCampaign(
  database: Queryable,
  { client, from, to, before, compared, campaignId }: Compared & { campaignId?: string | undefined },
): Promise<CampaignSpend[]> {
  const { before: overBefore, ...over } = compared ?? never;
  const within = (first: string, last: string) => `filter (where date between ${first} and ${last})`;
  const { rows } = await database.query<CampaignSpend>(
    `select campaign_id as "campaignId", (array_agg(campaign_name order by date desc))[1] as "campaignName", source_id as "sourceId", (array_agg(source_name order by date desc))[1] as "sourceName",
            ${sums.replaceAll(/sum\(\w+\)/g, (sum) => `${sum} ${within("$2", "$3")}`)},
            round(sum(cost) ${within("$4", "$5")}, 2) as "costBefore", round(sum(cost) ${within("$6", "$7")}, 2) as "costOver", round(sum(cost) ${within("$8", "$9")}, 2) as "costOverBefore"
       from redtrack.campaign_spend
      where _client_id = $1 and (date between $2 and $3 or date between $4 and $5) and ($10::text is null or campaign_id = $10)
      group by campaign_id, source_id
      order by round(sum(cost) ${within("$2", "$3")}, 2) desc nulls last, "costBefore" desc nulls last, campaign_id, source_id`,
    [
      ...[client, from, to, before.from, before.to, over.from, over.to, overBefore.from, overBefore.to],
      campaignId ?? null,
    ],
  );
  return rows;
}

/** What each source cost on each of these days, in their order; null where the day is not there. */
export async function readSpendCourses(
  database: Queryable,
  { client, from, to }: Range,
): Promise<Map<string, (string | null)[]>> {
  const { rows } = await database.query<{ sourceId: string; costs: (string | null)[] }>(
    // A day that was read and has no row of a source is a day without spend of it.
    `select s.source_id as "sourceId", array_agg(case when l.receipt_id is not null then coalesce(round(d.cost, 2), 0.00)::text end order by g.at) as costs
       from (select distinct source_id from redtrack.daily_spend where _client_id = $1 and date between $2 and $3) s
      cross join generate_series($2::timestamp, $3::timestamp, interval '1 day') g(at)
       left join ops.slices l on l._client_id = $1 and l.source = $4 and l.slice = g.at::date::text
       left join redtrack.daily_spend d on d._client_id = $1 and d.source_id = s.source_id and d.date = g.at::date
      group by 1`,
    [client, from, to, spendSource],
  );
  return new Map(rows.map(({ sourceId, costs }) => [sourceId, costs]));
}

export interface DaySpend extends Spend {
  date: string;
  sources: number;
  state: "final" | "provisional" | "failed" | "emptied" | "missing";
  loadedAt: Date | null;
  receiptId: number | null;
  origin: StoredOrigin | null;
  /** What the whole day changed by since it was first read after its end; null while it was not, or of one source. */
  restated: string | null;
}

/** Every day of the range up to today, the newest first: also one that nothing was loaded of. */
export async function readSpendByDay(
  database: Queryable,
  { client, from, to, sourceId }: Range & { sourceId?: string | undefined },
): Promise<DaySpend[]> {
  const { rows } = await database.query<DaySpend>(
    `with spent as (
       select date, count(*)::int as sources, ${sums} from redtrack.daily_spend
        where _client_id = $1 and date between $2 and $3 and ($5::text is null or source_id = $5) group by 1
     ), first_whole as (
       select distinct on (slice) slice, total from ops.receipts
        where _client_id = $1 and source = $4 and slice between $2::date::text and $3::date::text
          and fetched_at >= (slice::date + 1)::timestamp at time zone timezone and outcome not in ('emptied', 'shrunk')
        order by slice, fetch_seq
     )
     select d::date as date, coalesce(p.sources, 0) as sources, p.cost, p.clicks, p.conversions, p.revenue,
            coalesce(f.state, 'missing') as state, f.loaded_at as "loadedAt", s.receipt_id as "receiptId", f.origin,
            case when $5::text is null and s.fetched_at is not null then round(s.total, 2) - round(w.total, 2) end as restated
       from generate_series($2::timestamp, $3::timestamp, interval '1 day') d
       left join spent p on p.date = d::date
       left join ops.slices s on s._client_id = $1 and s.source = $4 and s.slice = d::date::text
       left join ops.freshness f on f._client_id = $1 and f.source = $4 and f.day = d::date
       left join first_whole w on w.slice = d::date::text
      order by 1 desc`,
    [client, from, to, spendSource, sourceId ?? null],
  );
  return rows;
}

export interface SpendTotal extends Spend {
  costBefore: string | null;
  /** How many of the days before have spend: fewer than there are make a change too great. */
  daysBefore: number;
  /** Of the days that are over, and of the same days of the range before: these two are compared. */
  costOver: string | null;
  costOverBefore: string | null;
}

/** Added up before it is rounded. */
export async function readSpendTotal(
  database: Queryable,
  { client, from, to, before, compared, sourceId }: Compared & { sourceId?: string | undefined },
): Promise<SpendTotal> {
  const { before: overBefore, ...over } = compared ?? never;
  const { rows } = await database.query<SpendTotal>(
    `select ${sums.replaceAll(/sum\(\w+\)/g, (sum) => `${sum} filter (where date between $2 and $3)`)},
            round(sum(cost) filter (where date between $4 and $5), 2) as "costBefore",
            count(distinct date) filter (where date between $4 and $5)::int as "daysBefore",
            round(sum(cost) filter (where date between $7 and $8), 2) as "costOver",
            round(sum(cost) filter (where date between $9 and $10), 2) as "costOverBefore"
       from redtrack.daily_spend where _client_id = $1 and date between $4 and $3 and ($6::text is null or source_id = $6)`,
    [
      ...[client, from, to, before.from, before.to, sourceId ?? null],
      ...[over.from, over.to, overBefore.from, overBefore.to],
    ],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a sum has one row");
  return row;
}

/** What was known of one traffic source when a day was read. */
export interface Pull {
  date: string;
  /** By the feed's clock; 24 is what was read after the day's end. */
  hour: number;
  minute: number;
  pulledAt: Date;
  receiptId: number;
  sourceId: string;
  sourceName: string | null;
  cost: string;
}

/** Readings of these days, from the ledger: what a day had come to hour by hour. Asks for few days: each costs its readings. */
export async function readPulls(
  database: Queryable,
  { client, days, sourceId }: { client: string; days: readonly string[]; sourceId?: string | undefined },
): Promise<Pull[]> {
  const { rows } = await database.query<Pull>(
    `select i.date, case when i.is_over then 24 else extract(hour from i.pulled_local)::int end as hour,
            case when i.is_over then 0 else extract(minute from i.pulled_local)::int end as minute,
            i.pulled_at as "pulledAt", p.receipt_id as "receiptId", i.source_id as "sourceId", i.source_name as "sourceName", i.cost
       from (select *, pulled_local::date > date as is_over from redtrack.spend_intraday where _client_id = $1 and date = any($2::date[])) i
       join ops.receipts p on p._client_id = $1 and p.source = $4 and p.slice = i.date::text and p.fetched_at = i.pulled_at
      where $3::text is null or i.source_id = $3
      order by i.date, i.pulled_at, i.source_id`,
    [client, days, sourceId ?? null, spendSource],
  );
  return rows;
}
