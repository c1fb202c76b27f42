import type { Queryable } from "../../schema/database.ts";
import type { SeatDays } from "./funnel-figures.ts";

export interface InvalidGroup {
  by: "publisher" | "country";
  /** "" where the report does not say. */
  value: string;
  name: string | null;
  days: number;
  impressions: number | null;
  invalid: number;
  prefiltered: number | null;
  billed: number | null;
  viewable: number | null;
  measurable: number | null;
}

const known = (column: string) => `case when count(${column}) = count(*) then sum(${column})::bigint end`;

/** By the report "invalid traffic", those with most of it first: each publisher and each country, where the report has them. */
export async function readInvalidTraffic(
  database: Queryable,
  { client, buyerId, from, to }: SeatDays,
): Promise<InvalidGroup[]> {
  const { rows } = await database.query<InvalidGroup>(
    `select g.by, g.value, max(g.name) as name, count(distinct date)::int as days, ${known("impressions")} as impressions,
            coalesce(sum(invalid_impressions), 0)::bigint as invalid, ${known("prefiltered_impressions")} as prefiltered,
            ${known("billed_impressions")} as billed, ${known("viewable")} as viewable, ${known("measurable")} as measurable
       from rtb.report_invalid r
      cross join lateral (values ('publisher', publisher_id, publisher_name), ('country', geography, null)) g(by, value, name)
      where _client_id = $1 and ($2::text is null or buyer_id = $2) and date between $3::date and $4::date
      group by 1, 2 having not (g.value = '' and not exists (
               select from rtb.report_invalid o where o._client_id = $1 and o.date between $3::date and $4::date
                  and case g.by when 'publisher' then o.publisher_id else o.geography end <> ''))
      order by 1 desc, 6 desc, 2`,
    [client, buyerId, from, to],
  );
  return rows;
}
