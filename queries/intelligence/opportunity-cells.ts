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

/** How each breakdown tells parts apart, and what their rest is of: a campaign's is of all campaigns. */
const breakdowns: Record<Breakdown, { subject: string; whole: string }> = {
  geography: { subject: "geography", whole: "campaign_id" },
  creative: { subject: "creative_id::text", whole: "campaign_id" },
  size: { subject: "coalesce(size, '')", whole: "campaign_id" },
  campaign: { subject: "''", whole: "0::bigint" },
};

/**
 * What a client's campaigns did in the window, by part. One pass over the rows into a temporary table, so that all sums are
 * of one moment; a creative in two campaigns counts in both.
 */
export async function readCampaignWindow(session: Session, of: WindowOf): Promise<CampaignWindow> {
  await session.query(
    `create temp table campaign_cells (campaign_id bigint, creative_id bigint, geography text, size text, date date, week int, clicks numeric, spend numeric, impressions numeric) on commit drop`,
  );
  await session.query(
    `insert into pg_temp.campaign_cells
     select k.campaign_id, m.creative_id, m.geography, c.canonical_size, m.date, ($3::date - m.date) / 7, sum(m.clicks), sum(m.spend), sum(m.impressions)
       from rtb.performance_metrics m
       join rtb.campaign_creatives k on k._client_id = m._client_id and k.creative_id = m.creative_id
       join rtb.creatives c on c._client_id = m._client_id and c.id = m.creative_id
      where m._client_id = $1 and m.date between $2 and $3 group by 1, 2, 3, 4, 5`,
    [of.client, of.from, of.to],
  );
  await session.query("analyze pg_temp.campaign_cells");
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
 * Sums of each part and of its rest. Squares go through floats: they are for statistics only. The rest of a day is the whole
 * day without the part; of days that the part does not have, it is the whole.
 */
async function readCells(session: Session, { to }: WindowOf, breakdown: Breakdown): Promise<Cell[]> {
  const { subject, whole } = breakdowns[breakdown];
  const sums = "sum(clicks) as clicks, sum(spend) as spend, sum(impressions) as impressions";
  // Days and weeks in one: a unit is a day where `week` is null, and a week where `date` is.
  const units = "grouping sets ((1, 2, 3, date), (1, 2, 3, week))";
  const { rows } = await session.query<CellRow>(
    `with parts as materialized (
       select ${whole} as whole, campaign_id, ${subject} as subject, date, week, ${sums} from pg_temp.campaign_cells group by ${units}
     ), wholes as materialized (
       select whole, date, week, ${sums} from parts group by 1, 2, 3
     ), compared as (
       select p.whole, p.campaign_id, p.subject, p.date, p.clicks, p.spend, p.impressions,
              ${squared("p.clicks", "p.spend")} as squares, ${squared("w.clicks", "w.spend")} as whole_squares,
              ${squared("(w.clicks - p.clicks)", "(w.spend - p.spend)")} as rest_squares,
              w.clicks = p.clicks and w.spend = p.spend as is_whole
         from parts p join wholes w on w.whole = p.whole and w.date is not distinct from p.date and w.week is not distinct from p.week
     ), of_parts as (
       select whole, campaign_id, subject, sum(clicks) filter (where date is not null) as clicks, sum(spend) filter (where date is not null) as spend,
              sum(impressions) filter (where date is not null) as impressions,
              count(*) filter (where date is not null) as days, count(*) filter (where date is null) as weeks,
              count(*) filter (where date > $1::date - 7) as recent_days,
              sum(squares) filter (where date is not null) as squares, sum(squares) filter (where date is null) as week_squares,
              sum(rest_squares - whole_squares) filter (where date is not null) as rest_squares,
              sum(rest_squares - whole_squares) filter (where date is null) as rest_week_squares,
              count(*) filter (where date is not null and is_whole) as whole_days, count(*) filter (where date is null and is_whole) as whole_weeks
         from compared group by 1, 2, 3
     ), of_wholes as (
       select whole, sum(clicks) filter (where date is not null) as clicks, sum(spend) filter (where date is not null) as spend,
              sum(impressions) filter (where date is not null) as impressions,
              count(*) filter (where date is not null) as days, count(*) filter (where date is null) as weeks,
              sum(${squared("clicks", "spend")}) filter (where date is not null) as squares,
              sum(${squared("clicks", "spend")}) filter (where date is null) as week_squares
         from wholes group by 1)
     select p.campaign_id as "campaignId", p.subject,
            json_build_object('clicks', p.clicks, 'spend', p.spend::text, 'impressions', p.impressions, 'days', p.days, 'weeks', p.weeks,
              'recentDays', p.recent_days, 'squares', p.squares, 'weekSquares', p.week_squares) as own,
            json_build_object('clicks', w.clicks - p.clicks, 'spend', (w.spend - p.spend)::text, 'impressions', w.impressions - p.impressions,
              'days', w.days - p.whole_days, 'weeks', w.weeks - p.whole_weeks, 'recentDays', 0,
              'squares', w.squares + p.rest_squares, 'weekSquares', w.week_squares + p.rest_week_squares) as rest
       from of_parts p join of_wholes w using (whole)`,
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
  `case when ${spend} > 0 then ${clicks}::float8 ^ 2 / ${spend}::float8 else 0 end`;

const sumsOf = ({ spend, ...row }: SumsRow): CellSums => ({ ...row, spend: Number(spend), spendText: spend });

async function readTraits(session: Session, { client }: WindowOf): Promise<Map<number, CampaignTraits>> {
  const { rows } = await session.query<{
    campaignId: number;
    genre: string | null;
    format: string | null;
    sizes: string[];
  }>(
    `select p.campaign_id as "campaignId", p.genre,
            (select c.format from pg_temp.campaign_cells m join rtb.creatives c on c._client_id = $1 and c.id = m.creative_id
              where m.campaign_id = p.campaign_id and c.format is not null group by 1 order by sum(m.spend) desc, 1 limit 1) as format,
            array(select distinct c.canonical_size from rtb.campaign_creatives k join rtb.creatives c on c._client_id = $1 and c.id = k.creative_id
                   where k._client_id = $1 and k.campaign_id = p.campaign_id and c.canonical_size is not null and c.vanished_at is null) as sizes
       from rtb.campaigns p where p._client_id = $1`,
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
