import type {
  Breakdown,
  CampaignTraits,
  CampaignWindow,
  Cell,
  CellSums,
} from "../../rules/intelligence/opportunity-cells.ts";
import type { Queryable, Session } from "../../schema/database.ts";

export interface WindowOf {
  client: string;
  from: string;
  to: string;
}

/** How each breakdown comes by the days of its parts, and what their rest is of: a campaign's is of all campaigns. */
const breakdowns: Record<Breakdown, string> = {
  geography:
    "select campaign_id as whole, campaign_id, subject, date, clicks, spend, impressions from pg_temp.geography_days",
  creative:
    "select campaign_id as whole, campaign_id, subject, date, clicks, spend, impressions from pg_temp.creative_days",
  size: "select campaign_id as whole, campaign_id, size as subject, date, sum(clicks)::bigint as clicks, sum(spend) as spend, sum(impressions)::bigint as impressions from pg_temp.creative_days group by 1, 2, 3, 4",
  campaign:
    "select 0::bigint as whole, campaign_id, '' as subject, date, sum(clicks)::bigint as clicks, sum(spend) as spend, sum(impressions)::bigint as impressions from pg_temp.creative_days group by 1, 2, 3, 4",
};

/**
 * What a client's campaigns did in the window, by part, all of one moment. Two passes over the rows, into days that are few;
 * a creative in two campaigns counts in both.
 */
export async function readCampaignWindow(session: Session, of: WindowOf): Promise<CampaignWindow> {
  const days = `campaign_id bigint, subject text, size text, format text, date date, clicks bigint, spend numeric, impressions bigint`;
  const sums = "sum(m.clicks)::bigint, sum(m.spend), sum(m.impressions)::bigint";
  const rows = `rtb.performance_metrics m join rtb.campaign_creatives k on k._client_id = m._client_id and k.creative_id = m.creative_id`;
  const where = "where m._client_id = $1 and m.date between $2 and $3";
  for (const table of ["geography_days", "creative_days"])
    await session.query(`create temp table ${table} (${days}) on commit drop`);
  const values = [of.client, of.from, of.to];
  await session.query(
    `insert into pg_temp.geography_days (campaign_id, subject, date, clicks, spend, impressions)
     select k.campaign_id, m.geography, m.date, ${sums} from ${rows} ${where} group by 1, 2, 3`,
    values,
  );
  await session.query(
    `insert into pg_temp.creative_days
     select d.campaign_id, d.creative_id::text, coalesce(c.canonical_size, ''), c.format, d.date, d.clicks, d.spend, d.impressions
       from (select k.campaign_id, m.creative_id, m.date, ${sums} from ${rows} ${where} group by 1, 2, 3) d(campaign_id, creative_id, date, clicks, spend, impressions)
       join rtb.creatives c on c._client_id = $1 and c.id = d.creative_id`,
    values,
  );
  await session.query("analyze pg_temp.geography_days");
  await session.query("analyze pg_temp.creative_days");
  return {
    traits: await readTraits(session, of),
    cells: {
      geography: await readCells(session, of, "geography"),
      creative: await readCells(session, of, "creative"),
      size: await readCells(session, of, "size"),
      campaign: await readCells(session, of, "campaign"),
    },
  };
}

interface CellRow {
  campaignId: number;
  subject: string;
  own: SumsRow;
  rest: SumsRow;
}

type SumsRow = Omit<CellSums, "spend" | "spendText"> & { spend: string };

/**
 * Sums of each part and of its rest. Squares are floats: they are for statistics only. The rest of a day is the whole day
 * without the part; of days that the part does not have, it is the whole.
 */
async function readCells(session: Session, { to }: WindowOf, breakdown: Breakdown): Promise<Cell[]> {
  const ofDays = "filter (where unit < 100)";
  const ofWeeks = "filter (where unit >= 100)";
  const { rows } = await session.query<CellRow>(
    `with days as materialized (
       ${breakdowns[breakdown]}
     ), units as materialized (
       -- A unit below 100 is a day, counted back from the last; from 100 on it is a week.
       select whole, campaign_id, subject, $1::date - date as unit, clicks::float8 as c, spend::float8 as s from days
       union all
       select whole, campaign_id, subject, 100 + ($1::date - date) / 7, sum(clicks)::float8, sum(spend)::float8 from days group by 1, 2, 3, 4
     ), whole_units as materialized (
       select whole, unit, sum(c) as c, sum(s) as s from units group by 1, 2
     ), squares as (
       select p.whole, p.campaign_id, p.subject, count(*) ${ofDays} as days, count(*) ${ofWeeks} as weeks, count(*) filter (where unit < 7) as recent_days,
              sum(${squared("p.c", "p.s")}) ${ofDays} as squares, sum(${squared("p.c", "p.s")}) ${ofWeeks} as week_squares,
              sum(${squared("(w.c - p.c)", "(w.s - p.s)")} - ${squared("w.c", "w.s")}) ${ofDays} as rest_squares,
              sum(${squared("(w.c - p.c)", "(w.s - p.s)")} - ${squared("w.c", "w.s")}) ${ofWeeks} as rest_week_squares,
              count(*) filter (where unit < 100 and w.c = p.c and w.s - p.s < 1e-9) as whole_days, count(*) filter (where unit >= 100 and w.c = p.c and w.s - p.s < 1e-9) as whole_weeks
         from units p join whole_units w using (whole, unit) group by 1, 2, 3
     ), whole_squares as (
       select whole, count(*) ${ofDays} as days, count(*) ${ofWeeks} as weeks, sum(${squared("c", "s")}) ${ofDays} as squares, sum(${squared("c", "s")}) ${ofWeeks} as week_squares
         from whole_units group by 1
     ), sums as (
       select whole, campaign_id, subject, sum(clicks) as clicks, sum(spend) as spend, sum(impressions) as impressions from days group by 1, 2, 3
     ), whole_sums as (
       select whole, sum(clicks) as clicks, sum(spend) as spend, sum(impressions) as impressions from sums group by 1)
     select p.campaign_id as "campaignId", p.subject,
            json_build_object('clicks', p.clicks, 'spend', p.spend::text, 'impressions', p.impressions, 'days', q.days, 'weeks', q.weeks,
              'recentDays', q.recent_days, 'squares', q.squares, 'weekSquares', q.week_squares) as own,
            json_build_object('clicks', w.clicks - p.clicks, 'spend', (w.spend - p.spend)::text, 'impressions', w.impressions - p.impressions,
              'days', v.days - q.whole_days, 'weeks', v.weeks - q.whole_weeks, 'recentDays', 0,
              'squares', v.squares + q.rest_squares, 'weekSquares', v.week_squares + q.rest_week_squares) as rest
       from sums p join squares q using (whole, campaign_id, subject) join whole_sums w using (whole) join whole_squares v using (whole)`,
    [to],
  );
  return rows.map(({ campaignId, subject: part, own, rest }) => ({
    campaignId,
    subject: part,
    own: sumsOf(own),
    rest: sumsOf(rest),
  }));
}

const squared = (clicks: string, spend: string) =>
  `case when ${spend} > 1e-9 then ${clicks} * ${clicks} / ${spend} else 0 end`;

const sumsOf = ({ spend, ...row }: SumsRow): CellSums => ({ ...row, spend: Number(spend), spendText: spend });

async function readTraits(session: Session, { client }: WindowOf): Promise<Map<number, CampaignTraits>> {
  const { rows } = await session.query<{
    campaignId: number;
    genre: string | null;
    format: string | null;
    sizes: string[];
  }>(
    `with spent as (
       select campaign_id, format, sum(spend) as spend from pg_temp.creative_days where format is not null group by 1, 2
     ), formats as (
       select distinct on (campaign_id) campaign_id, format from spent order by campaign_id, spend desc, format
     ), sizes as (
       select k.campaign_id, array_agg(distinct c.canonical_size) as sizes from rtb.campaign_creatives k
         join rtb.creatives c on c._client_id = $1 and c.id = k.creative_id
        where k._client_id = $1 and c.canonical_size is not null and c.vanished_at is null group by 1)
     select p.campaign_id as "campaignId", p.genre, f.format, coalesce(s.sizes, '{}') as sizes
       from rtb.campaigns p left join formats f using (campaign_id) left join sizes s using (campaign_id) where p._client_id = $1`,
    [client],
  );
  return new Map(
    rows.map(({ campaignId, genre, format, sizes }) => [campaignId, { genre, format, sizes: new Set(sizes) }]),
  );
}

/** The last day that is over and has data, and how many of the window's days have; null without any. */
export async function readLastDay(
  database: Queryable,
  { client, today }: { client: string; today: string },
): Promise<string | null> {
  const { rows } = await database.query<{ day: string | null }>(
    "select max(date) as day from rtb.performance_metrics where _client_id = $1 and date < $2",
    [client, today],
  );
  return rows[0]?.day ?? null;
}
