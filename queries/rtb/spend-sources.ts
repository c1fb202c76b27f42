import type { Queryable } from "../../schema/database.ts";
import type { SpendReport } from "../../settings/files.ts";
import type { SeatDays } from "./funnel-figures.ts";

export interface SpendSource {
  source: SpendReport | "ad_performance";
  /** Days that it says the spend of, and all that it says; exact. */
  days: number;
  spend: string;
  /** What of it counts as the spend of these days: all of the authority, and of ad performance the days and seats that the authority lacks. */
  counted: string;
  /** Of the days and seats that it and the authority both have: what each says. Null where there are none, and of the authority itself. */
  common: { days: number; spend: string; authority: string } | null;
}

/** Everything that says what was spent on the same days, side by side: no two are ever added. */
export async function readSpendSources(
  database: Queryable,
  { client, buyerId, from, to }: SeatDays,
  authority: SpendReport,
): Promise<SpendSource[]> {
  const { rows } = await database.query<
    Omit<SpendSource, "common"> & { commonDays: number; common: string | null; authority: string | null }
  >(
    `with said as materialized (
       select 'bids_in_auction' as source, buyer_id, date, sum(spend) as spend from rtb.report_bids
        where _client_id = $1 and ($2::text is null or buyer_id = $2) and date between $3::date and $4::date and spend is not null group by 2, 3
       union all
       select 'quality', buyer_id, date, sum(spend) from rtb.report_quality
        where _client_id = $1 and ($2::text is null or buyer_id = $2) and date between $3::date and $4::date and spend is not null group by 2, 3
       union all
       select 'ad_performance', c.buyer_id, m.date, sum(m.spend)
         from rtb.performance_metrics m join rtb.creatives c on c._client_id = m._client_id and c.id = m.creative_id
        where m._client_id = $1 and ($2::text is null or c.buyer_id = $2) and m.date between $3::date and $4::date group by 2, 3
     )
     select s.source, count(distinct s.date)::int as days, sum(s.spend)::text as spend,
            sum(case when s.source = $5 or (s.source = 'ad_performance' and a.spend is null) then s.spend else 0 end)::text as counted,
            count(distinct s.date) filter (where a.spend is not null)::int as "commonDays",
            (sum(s.spend) filter (where a.spend is not null))::text as common, sum(a.spend)::text as authority
       from said s left join said a on a.source = $5 and a.buyer_id = s.buyer_id and a.date = s.date
      group by 1 order by s.source = $5 desc, s.source = 'ad_performance' desc`,
    [client, buyerId, from, to, authority],
  );
  return rows.map(({ source, days, spend, counted, commonDays, common, authority: itsSpend }) => ({
    source,
    days,
    spend,
    counted,
    common:
      source === authority || common === null || itsSpend === null
        ? null
        : { days: commonDays, spend: common, authority: itsSpend },
  }));
}
