import { devices } from "../../rules/promo/agent.ts";
import type { Figures, VariationFigures } from "../../rules/promo/rank.ts";
import type { Queryable } from "../../schema/database.ts";
import type { ColumnReadings } from "../shared/column-reading.ts";
import { readColumnSums } from "../shared/column-sums.ts";
import { named } from "../shared/named.ts";

/** Days of the client's zone, both included; an offer or a variation alone where one is named. */
export interface Scope {
  client: string;
  from: string;
  to: string;
  offerId: number | null;
  variationId: number | null;
}

const figures = `coalesce(s.impressions, 0)::bigint as impressions, coalesce(s.clicks, 0)::bigint as clicks,
  coalesce(s.raw_clicks, 0)::bigint as "rawClicks", coalesce(s.bot_clicks, 0)::bigint as "botClicks",
  coalesce(s.repeat_clicks, 0)::bigint as "repeatClicks"`;

const inScope = (of: string) =>
  `${of}._client_id = :client and (:offer::int is null or ${of}.offer_id = :offer) and (:variation::int is null or ${of}.variation_id = :variation)`;

const counted = ["impressions", "clicks", "raw_clicks", "bot_clicks", "repeat_clicks"] as const;
const keyTypes = { variation_id: "integer", date: "date" } as const;

/** Summed before anything is joined to it: a year of days is many rows, and what they are shown beside is wide. */
function sumsBy(key: keyof typeof keyTypes, summed: SummedDays | null): string {
  const sums = (of: string) => counted.map((name) => `sum(${of}.${name}) as ${name}`).join(", ");
  const days = (only: string) =>
    `select m.${key}, ${sums("m")} from promo.promo_performance_metrics m
      where ${inScope("m")} and m.date between :from and :to${only} group by 1`;
  if (summed === null) return days("");
  return `select p.${key}, ${sums("p")} from (
            select * from json_to_recordset(:summed::json) j(${key} ${keyTypes[key]}, ${counted.map((name) => `${name} numeric`).join(", ")})
             union all ${days(" and m.date = any(:unmirrored::date[])")}) p group by 1`;
}

const valuesOf = ({ client, from, to, offerId, variationId }: Scope) => ({
  client,
  from,
  to,
  offer: offerId,
  variation: variationId,
});

/** The client's day now, and the first day with an event of the scope; null where there is none. */
export async function readCalendar(
  database: Queryable,
  of: Omit<Scope, "from" | "to"> & { timezone: string },
): Promise<{ today: string; firstDay: string | null }> {
  const { rows } = await database.query<{ today: string; firstDay: string | null }>(
    named(
      `select (now() at time zone :timezone)::date as today,
              (select min(m.date) from promo.promo_performance_metrics m where ${inScope("m")}) as "firstDay"`,
      { ...valuesOf({ ...of, from: "", to: "" }), timezone: of.timezone },
    ),
  );
  return (rows as [{ today: string; firstDay: string | null }])[0];
}

/** Every variation of the scope with what was counted in its days; an offer without variations has one row. */
export async function readFigures(
  database: Queryable,
  scope: Scope,
  columns: ColumnReadings | null = null,
): Promise<VariationFigures[]> {
  const summed = await readSummedDays(database, columns, scope, { variation_id: "variation_id" });
  const { rows } = await database.query<VariationFigures>(
    named(
      `select o.id as "offerId", o.name as "offerName", o.offer_type as "offerType", o.origin, v.id as "variationId",
              left(v.text_content, 50) as "textPreview", v.cta_text as "ctaText", v.tone, v.approved, ${figures}
         from promo.promo_offers o
         left join promo.promo_text_variations v on v._client_id = o._client_id and v.offer_id = o.id
         left join (${sumsBy("variation_id", summed)}) s on s.variation_id = v.id
        where o._client_id = :client and (:offer::int is null or o.id = :offer) and (:variation::int is null or v.id = :variation)
        order by o.id, v.id`,
      { ...valuesOf(scope), ...summed },
    ),
  );
  return rows;
}

export interface DayRow extends Figures {
  date: string;
}

/** Every day of the scope, the latest first; days without events have zeros. */
export async function readTimeline(
  database: Queryable,
  scope: Scope,
  columns: ColumnReadings | null = null,
): Promise<DayRow[]> {
  const summed = await readSummedDays(database, columns, scope, { date: "date" });
  const { rows } = await database.query<DayRow>(
    named(
      `select d.day::date as date, ${figures}
         from generate_series(:from::date::timestamp, :to::date::timestamp, interval '1 day') d(day)
         left join (${sumsBy("date", summed)}) s on s.date = d.day::date
        order by 1 desc`,
      { ...valuesOf(scope), ...summed },
    ),
  );
  return rows;
}

export interface DeviceRow {
  device: string;
  clicks: number;
  rawClicks: number;
}

/** Days up to this one are summed in promo_click_days; of later ones the clicks are read. */
const summedUntil =
  "coalesce((select s.until from promo.promo_click_days_summed s where s._client_id = :client), '-infinity')";
const summedDays = `promo.promo_click_days d
        where d._client_id = :client and d.variation_id = coalesce(:variation::int, 0) and (:offer::int is null or d.offer_id = :offer)
          and d.date between :from and least(:to::date, ${summedUntil})`;
const laterClicks = `promo.promo_click_tracking c
        where ${inScope("c")} and c.clicked_date > ${summedUntil} and c.clicked_date between :from and :to`;

/** Sums of an array's elements, each by itself: quicker than taking every array apart. */
const sumsOf = (column: string, size: number) =>
  `array[${Array.from({ length: size }, (_, place) => `sum(d.${column}[${place + 1}])`).join(", ")}]`;

export async function readDevices(database: Queryable, scope: Scope): Promise<DeviceRow[]> {
  const { rows } = await database.query<DeviceRow>(
    named(
      `select device, sum(clicks)::bigint as clicks, sum(raw_clicks)::bigint as "rawClicks"
         from (select one.device, one.clicks, one.raw_clicks
                 from (select ${sumsOf("devices", devices.length)} as clicks, ${sumsOf("raw_devices", devices.length)} as raw_clicks
                         from ${summedDays}) sums
                cross join unnest(:devices::text[], sums.clicks, sums.raw_clicks) one(device, clicks, raw_clicks)
                union all
               select c.device, count(*) filter (where not c.is_bot and not c.is_repeat), count(*) from ${laterClicks} group by 1) parts
        group by 1 having sum(raw_clicks) > 0 order by 2 desc, 3 desc, 1`,
      { ...valuesOf(scope), devices },
    ),
  );
  return rows;
}

export interface HourRow {
  /** 1 is Monday. */
  weekday: number;
  hour: number;
  clicks: number;
}

/** Clicks of people by the clock of the client's zone: each of the 168 hours of a week. */
export async function readHours(database: Queryable, scope: Scope & { timezone: string }): Promise<HourRow[]> {
  const { rows } = await database.query<HourRow>(
    named(
      `select w.weekday, h.hour, coalesce(k.clicks, 0)::int as clicks
         from generate_series(1, 7) w(weekday)
        cross join generate_series(0, 23) h(hour)
         left join (
           select weekday, hour, sum(clicks) as clicks
             from (select sums.weekday, one.place - 1 as hour, one.clicks
                     -- Days since a Monday: quicker than asking each for its weekday.
                     from (select 1 + (d.date - date '2001-01-01') % 7 as weekday, ${sumsOf("hours", 24)} as clicks
                             from ${summedDays} group by 1) sums
                    cross join unnest(sums.clicks) with ordinality one(clicks, place)
                    union all
                   select 1 + (c.clicked_date - date '2001-01-01') % 7,
                          coalesce(c.clicked_hour, extract(hour from c.clicked_at at time zone :timezone)::smallint), count(*)
                     from ${laterClicks} and not c.is_bot and not c.is_repeat
                    group by 1, 2) parts
            group by 1, 2) k on k.weekday = w.weekday and k.hour = h.hour
        order by 1, 2`,
      { ...valuesOf(scope), timezone: scope.timezone },
    ),
  );
  return rows;
}

export interface CohortRow {
  date: string;
  sends: number;
  impressions: number;
  clicks: number;
}

/** By the day of the send: a click belongs to its variation's last send before it, however much later it comes. */
export async function readCohorts(
  database: Queryable,
  scope: Scope,
  columns: ColumnReadings | null = null,
): Promise<CohortRow[]> {
  // A click of before the period may be of a cohort in it, and one of later days as well.
  const summed = await readSummedDays(
    database,
    columns,
    { ...scope, to: endOfTime },
    {
      cohort: "cohort",
      cohort_before: "if(clicks_before_send > 0, cohort_before, null)",
      is_before: "clicks_before_send > 0",
    },
  );
  const { rows } = await database.query<CohortRow>(
    named(
      // Days are gone through once; those of clicks before the day's first send are of two cohorts.
      `with days as materialized (
         select m.cohort, case when m.clicks_before_send > 0 then m.cohort_before end as cohort_before, sum(m.sends) as sends,
                sum(m.impressions) as impressions, sum(m.clicks - m.clicks_before_send) as clicks, sum(m.clicks_before_send) as clicks_before
           from ${cohortDays(summed)} group by 1, 2)
       select cohort as date, sum(sends)::bigint as sends, sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks
         from (select cohort, sends, impressions, clicks from days
                union all
               select cohort_before, 0, 0, clicks_before from days) parts
        where cohort between :from and :to
        group by 1 order by 1 desc`,
      { ...valuesOf(scope), ...summed },
    ),
  );
  return rows;
}

/** The last day that the column store has a date for. */
const endOfTime = "2299-12-31";

function cohortDays(summed: SummedDays | null): string {
  const columns = "cohort, cohort_before, clicks_before_send, sends, impressions, clicks";
  const days = (only: string) => `promo.promo_performance_metrics m where ${inScope("m")} and m.date >= :from${only}`;
  if (summed === null) return days("");
  return `(select ${columns} from json_to_recordset(:summed::json)
             j(cohort date, cohort_before date, clicks_before_send numeric, sends numeric, impressions numeric, clicks numeric)
            union all select ${columns} from ${days(" and m.date = any(:unmirrored::date[])")}) m`;
}

/** What the column store has added up of the scope, and the days that it lacks. */
interface SummedDays {
  summed: string;
  unmirrored: string[];
}

/** Null where Postgres adds up by itself. */
async function readSummedDays(
  database: Queryable,
  columns: ColumnReadings | null,
  { client, from, to, offerId, variationId }: Scope,
  by: Readonly<Record<string, string>>,
): Promise<SummedDays | null> {
  const reading = (await columns?.open(database, { feed: "promo_days", client, from, to })) ?? null;
  if (reading === null) return null;
  const summed = await readColumnSums(reading, {
    by,
    measures: [...counted, "sends", "clicks_before_send"],
    where: [
      ...(offerId === null ? [] : ["offer_id = {offer:Int32}"]),
      ...(variationId === null ? [] : ["variation_id = {variation:Int32}"]),
    ],
    values: {
      ...(offerId === null ? {} : { offer: offerId }),
      ...(variationId === null ? {} : { variation: variationId }),
    },
  });
  return { summed, unmirrored: reading.unmirrored };
}
