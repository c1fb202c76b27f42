import { to as copyTo } from "pg-copy-streams";
import { addDays, isDay } from "../../core/days.ts";
import { windowDays } from "../../rules/intelligence/opportunity-cells.ts";
import {
  WindowSums,
  type CampaignFacts,
  type Member,
  type SummedWindow,
} from "../../rules/intelligence/window-sums.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import { readRecords } from "./performance-lines.ts";
import { widened } from "../../schema/clickhouse/column-tables.ts";
import type { ColumnStore } from "../../schema/clickhouse/column-store.ts";
import { withColumns, type ColumnReading } from "../shared/column-reading.ts";
import { spelledGenres } from "../rtb/genres.ts";

export interface WindowOf {
  client: string;
  from: string;
  to: string;
}

/**
 * What a client's campaigns did in the window, by part, its records all of one moment. They are read once, as they lie, and
 * summed up here while Postgres sends the next: to group a million of them by day and part took it ten times as long.
 */
export async function readCampaignWindow(
  session: Session,
  of: WindowOf,
  store: ColumnStore | null = null,
): Promise<SummedWindow> {
  const facts = await readFacts(session, of);
  const members = await readMembers(session, of);
  const sums = await withColumns({ database: session, store, ofOneMoment: true }, async (columns) => {
    const taken = new WindowSums(members);
    const reading = (await columns?.open(session, { ...of, feed: "performance" })) ?? null;
    if (reading !== null) await readRecords(await sumsOf(reading, of), taken);
    if (reading?.unmirrored.length !== 0)
      await readRecords(session.query(copyTo(recordsOf(session, of, reading?.unmirrored))), taken);
    return taken;
  });
  return sums.window(facts);
}

/** A search is no question that somebody waits for. */
const patienceMs = 60_000;

/** The same lines as COPY's, of what the column store has added up. */
function sumsOf({ lines, table, where, values }: ColumnReading, { to }: WindowOf): Promise<AsyncIterable<unknown>> {
  const query = {
    text: `select creative_id, geography, toInt32({last:Date32}) - toInt32(date), sum(${widened({ name: "clicks", type: "bigint" })}),
                  sum(${widened({ name: "impressions", type: "bigint" })}), sum(${widened({ name: "spend", type: "numeric" })})
             from ${table("performance")} where ${where} group by creative_id, geography, date`,
    values: { ...values, last: to },
  };
  return lines(query, AbortSignal.timeout(patienceMs));
}

/** COPY takes no parameters, and a setting in their place would hide from the planner how much there is to read. */
function recordsOf(session: Session, { client, from, to }: WindowOf, days?: readonly string[]): string {
  if (!isDay(to) || from !== addDays(to, 1 - windowDays)) throw new TypeError(`a window has ${windowDays} days`);
  return `copy (select creative_id, geography, '${to}'::date - date, clicks, impressions, spend from rtb.performance_metrics
                 where _client_id = ${session.escapeLiteral(client)} and date between '${from}' and '${to}'
                   ${days === undefined ? "" : `and date in (${days.map((day) => session.escapeLiteral(day)).join(", ")})`}) to stdout`;
}

async function readMembers(session: Session, { client }: WindowOf): Promise<Member[]> {
  const { rows } = await session.query<Member>(
    `select k.campaign_id as "campaignId", k.creative_id as "creativeId", coalesce(c.canonical_size, '') as size, c.format
       from rtb.campaign_creatives k join rtb.creatives c on c._client_id = k._client_id and c.id = k.creative_id
      where k._client_id = $1 order by 1, 2`,
    [client],
  );
  return rows;
}

async function readFacts(session: Session, { client }: WindowOf): Promise<CampaignFacts[]> {
  const { rows } = await session.query<CampaignFacts>(
    `with sizes as (
       select k.campaign_id, array_agg(distinct c.canonical_size) as sizes from rtb.campaign_creatives k
         join rtb.creatives c on c._client_id = $1 and c.id = k.creative_id
        where k._client_id = $1 and c.canonical_size is not null and c.vanished_at is null group by 1)
     select p.campaign_id as "campaignId", genres.spelling as genre, coalesce(s.sizes, '{}') as sizes
       from rtb.campaigns p left join sizes s using (campaign_id) left join ${spelledGenres("$1")} on genres.key = lower(p.genre)
      where p._client_id = $1`,
    [client],
  );
  return rows;
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
