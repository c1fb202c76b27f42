import type { Queryable } from "../../schema/database.ts";

/** Sums the days of clicks that are over, one after the other: before their clicks are deleted. */
export async function sumClickDays(
  database: Queryable,
  timezoneOf: (client: string) => string | undefined,
): Promise<void> {
  const { rows } = await database.query<{ client: string }>(
    "select distinct _client_id as client from promo.promo_offers order by 1",
  );
  for (const { client } of rows) {
    for (let isMore = true; isMore;) {
      const summed = await database.query<{ isMore: boolean }>(`select promo.sum_click_day($1, $2) as "isMore"`, [
        client,
        timezoneOf(client) ?? "UTC",
      ]);
      isMore = summed.rows[0]?.isMore === true;
    }
  }
}
