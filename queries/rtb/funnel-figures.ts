import { emptyFunnel, type Funnel } from "../../rules/rtb/funnel.ts";
import type { SizeStock, SizeTraffic } from "../../rules/rtb/size-coverage.ts";
import { canonicalSize, readSize } from "../../rules/rtb/sizes.ts";
import type { SpendReport } from "../../settings/files.ts";
import type { Queryable } from "../../schema/database.ts";

/** Days of a client, both included; of all seats where none is named. */
export interface SeatDays {
  client: string;
  buyerId: string | null;
  from: string;
  to: string;
}

const valuesOf = ({ client, buyerId, from, to }: SeatDays) => [client, buyerId, from, to];
const ofSeat = "_client_id = $1 and ($2::text is null or buyer_id = $2) and date between $3::date and $4::date";

export type FunnelBy = "all" | "country" | "publisher" | "hour";

export interface FunnelGroup {
  /** Null: the report does not say. */
  value: string | null;
  name: string | null;
  report: string;
  days: number;
  funnel: Funnel;
}

/** By most bid requests first. */
export async function readFunnel(
  database: Queryable,
  { client, buyerId, from, to }: SeatDays,
  by: FunnelBy,
): Promise<FunnelGroup[]> {
  const { rows } = await database.query<Omit<FunnelGroup, "funnel"> & Partial<Funnel>>(
    `select value, name, report, days::int as days, inventory_matches as "inventoryMatches", bid_requests as "bidRequests",
            successful_responses as "successfulResponses", reached_queries as "reachedQueries", bids, bids_in_auction as "bidsInAuction",
            auctions_won as "auctionsWon", impressions
       from rtb.funnel_by($5, $3, $4, $1, $2)`,
    [client, buyerId, from, to, by],
  );
  return rows.map(({ value, name, report, days, ...counts }) => ({
    value,
    name,
    report,
    days,
    funnel: { ...emptyFunnel, ...counts },
  }));
}

/** What "bids in auction" counts: another report's numbers are not added to these. */
export interface Delivery {
  days: number;
  bids: number | null;
  bidsInAuction: number | null;
  auctionsWon: number | null;
  reachedQueries: number | null;
  impressions: number | null;
}

const known = (column: string) => `case when count(${column}) = count(*) then sum(${column})::bigint end`;

export async function readDelivery(database: Queryable, of: SeatDays): Promise<Delivery | null> {
  const { rows } = await database.query<Delivery>(
    `select count(distinct date)::int as days, ${known("bids")} as bids, ${known("bids_in_auction")} as "bidsInAuction",
            ${known("auctions_won")} as "auctionsWon", ${known("reached_queries")} as "reachedQueries", ${known("impressions")} as impressions
       from rtb.report_bids where ${ofSeat}`,
    valuesOf(of),
  );
  const [row] = rows;
  return row === undefined || row.days === 0 ? null : row;
}

export interface QualityGroup {
  /** As the report writes it; "" where it does not say. */
  size: string;
  days: number;
  impressions: number | null;
  viewable: number | null;
  measurable: number | null;
  invalid: number | null;
}

/** By size, those that were measured most first. */
export async function readQuality(database: Queryable, of: SeatDays): Promise<QualityGroup[]> {
  const { rows } = await database.query<QualityGroup>(
    `select lower(regexp_replace(creative_size, '\\s*[x×*]\\s*', 'x', 'i')) as size, count(distinct date)::int as days, ${known("impressions")} as impressions,
            ${known("viewable")} as viewable, ${known("measurable")} as measurable, ${known("invalid")} as invalid
       from (select creative_size, date, ${known("impressions")} as impressions, ${known("viewable")} as viewable, ${known("measurable")} as measurable,
                    ${known("invalid_impressions")} as invalid from rtb.report_quality where ${ofSeat} group by 1, 2) sizes
      group by 1 order by sum(measurable) desc nulls last, 1`,
    valuesOf(of),
  );
  return rows;
}

export interface FilteredBids {
  reason: string;
  bids: number;
}

/** Why bids did not take part, the most frequent reason first. */
export async function readFiltering(database: Queryable, of: SeatDays): Promise<FilteredBids[]> {
  const { rows } = await database.query<FilteredBids>(
    `select filtering_reason as reason, sum(bids)::bigint as bids from rtb.report_filtering where ${ofSeat} group by 1 order by 2 desc, 1`,
    valuesOf(of),
  );
  return rows;
}

/** Spend of the authority; of days that it does not have, what files of ad performance say, and never of both. */
export interface SeatSpend {
  /** Exact. */
  spend: string;
  authorityDays: number;
  performanceDays: number;
}

export async function readSeatSpend(database: Queryable, of: SeatDays, report: SpendReport): Promise<SeatSpend | null> {
  const table = report === "quality" ? "rtb.report_quality" : "rtb.report_bids";
  const { rows } = await database.query<Omit<SeatSpend, "spend"> & { spend: string | null }>(
    `with authority as (
       select buyer_id, date, sum(spend) as spend from ${table} where ${ofSeat} and spend is not null group by 1, 2
     ), performance as (
       select c.buyer_id, m.date, sum(m.spend) as spend
         from rtb.performance_metrics m join rtb.creatives c on c._client_id = m._client_id and c.id = m.creative_id
        where m._client_id = $1 and ($2::text is null or c.buyer_id = $2) and m.date between $3::date and $4::date group by 1, 2
     )
     select sum(coalesce(a.spend, p.spend))::text as spend, count(distinct a.date)::int as "authorityDays",
            count(distinct p.date) filter (where a.date is null)::int as "performanceDays"
       from authority a full join performance p using (buyer_id, date)`,
    valuesOf(of),
  );
  const [row] = rows;
  return row?.spend == null ? null : { ...row, spend: row.spend };
}

/** Requests by size, how many days have any, and how many seconds of them lines are about: those that overlap count once. */
export async function readSizeTraffic(
  database: Queryable,
  of: SeatDays,
): Promise<{ traffic: SizeTraffic[]; days: number; seconds: number }> {
  const { rows } = await database.query<{ size: string; format: string | null; requests: number }>(
    `select size, nullif(format, '') as format, sum(requests)::bigint as requests from rtb.rtb_traffic where ${ofSeat} group by 1, 2 order by 1, 2`,
    valuesOf(of),
  );
  const { rows: dated } = await database.query<{ days: number; seconds: number }>(
    `with spans as (select distinct date, at, seconds from rtb.rtb_traffic where ${ofSeat})
     select (select count(distinct date)::int from spans) as days,
            coalesce(sum(extract(epoch from upper(span) - lower(span))), 0)::int as seconds
       from (select unnest(range_agg(tstzrange(at, at + seconds * interval '1 second'))) as span from spans) covered`,
    valuesOf(of),
  );
  const traffic = rows.map(({ size, format, requests }): SizeTraffic => {
    const read = readSize(size, format);
    return {
      width: read?.width ?? null,
      height: read?.height ?? null,
      format,
      canonical: read?.canonical ?? null,
      requests,
    };
  });
  return { traffic, days: dated[0]?.days ?? 0, seconds: dated[0]?.seconds ?? 0 };
}

/** Creatives that can be shown, by what their size counts as. */
export async function readSizeStock(
  database: Queryable,
  { client, buyerId }: Pick<SeatDays, "client" | "buyerId">,
): Promise<{ stock: SizeStock[]; unsized: number }> {
  const { rows } = await database.query<{
    width: number | null;
    height: number | null;
    format: string | null;
    creatives: number;
  }>(
    `select width, height, format, count(*)::int as creatives from rtb.creatives
      where _client_id = $1 and ($2::text is null or buyer_id = $2) and vanished_at is null and not is_stub group by 1, 2, 3`,
    [client, buyerId],
  );
  const stock: SizeStock[] = [];
  let unsized = 0;
  for (const { width, height, format, creatives } of rows) {
    const size = canonicalSize({ width, height, format });
    if (size === null) unsized += creatives;
    else stock.push({ canonical: size.canonical, format: format ?? "unknown", creatives });
  }
  return { stock, unsized };
}

/** Sizes, as they are called, that the report "quality" has impressions of. */
export async function readShownSizes(database: Queryable, of: SeatDays): Promise<Set<string>> {
  const { rows } = await database.query<{ size: string; format: string | null }>(
    `select creative_size as size, nullif(creative_format, '') as format from rtb.report_quality
      where ${ofSeat} and impressions > 0 group by 1, 2`,
    valuesOf(of),
  );
  return new Set(rows.flatMap(({ size, format }) => readSize(size, format)?.canonical ?? []));
}
