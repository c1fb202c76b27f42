import type { Queryable } from "../../schema/database.ts";

export interface CreativeDay {
  date: string;
  /** To the cent; null on a day without a record. */
  spend: string | null;
}

/** What was spent on a creative, day by day. */
export async function readCreativeDays(
  database: Queryable,
  of: { client: string; id: string; from: string; to: string },
): Promise<CreativeDay[]> {
  const { rows } = await database.query<CreativeDay>(
    `select d::date as date, round(m.spend, 2) as spend
       from generate_series($3::timestamp, $4::timestamp, interval '1 day') d
       left join (select date, sum(spend) as spend from rtb.performance_metrics
                   where _client_id = $1 and creative_id = $2::bigint and date between $3::date and $4::date group by 1) m on m.date = d::date
      order by 1`,
    [of.client, of.id, of.from, of.to],
  );
  return rows;
}
