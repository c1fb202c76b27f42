import { addDays, daysFromTo } from "../core/days.ts";
import type { Database } from "../schema/database.ts";
import { adviceCampaigns, adviceLines, adviceSeat } from "../scripts/demo/advice-campaigns.ts";

/** Puts the campaigns of the demo, of which it is known what could be bought for less, straight into the tables. */
export async function createAdviceCampaigns(database: Database, client = "713"): Promise<void> {
  for (const { name, genre, creatives } of adviceCampaigns) {
    const { rows } = await database.query<{ id: number }>(
      "insert into rtb.campaigns (_client_id, campaign_name, genre, origin) values ($1, $2, $3, 'real') returning campaign_id as id",
      [client, name, genre],
    );
    for (const { id, size } of creatives)
      await database.query(
        `with made as (insert into rtb.creatives (_client_id, creative_id, buyer_id, format, canonical_size, origin)
                       values ($1, $2, $3, 'HTML', $4, 'real') returning id)
         insert into rtb.campaign_creatives (_client_id, campaign_id, creative_id) select $1, $5, id from made`,
        [client, id, adviceSeat, size, rows[0]?.id],
      );
  }
}

export interface AdviceDays {
  from: string;
  days: number;
  /** The first day on which the raised budget is spent. */
  followedOn?: string;
  client?: string;
}

/** What they did on so many days, each row once. */
export async function addAdviceDays(
  database: Database,
  { from, days, followedOn = "9999-12-31", client = "713" }: AdviceDays,
): Promise<void> {
  const all = daysFromTo(from, addDays(from, days - 1));
  const lines = all.flatMap((day) => adviceLines(day, day >= followedOn)).map((line) => line.split(","));
  const column = (at: number) => lines.map((cells) => cells[at]);
  await database.query("select rtb.ensure_months($1::date[])", [all]);
  await database.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, date, impressions, clicks, spend, geography, device_type, hour, placement, _file_id)
     select $1, c.id, g.date, g.impressions, g.clicks, g.spend, g.geography, g.device, -1, '', 1
       from unnest($2::text[], $3::date[], $4::bigint[], $5::bigint[], $6::numeric[], $7::text[], $8::text[]) as g(creative, date, impressions, clicks, spend, geography, device)
       join rtb.creatives c on c._client_id = $1 and c.creative_id = g.creative`,
    [client, ...[0, 1, 2, 3, 4, 5, 6].map(column)],
  );
  await database.query(
    `insert into rtb.client_performance (_client_id, as_of) values ($1, $2)
     on conflict on constraint client_performance_key do update set refreshed_at = clock_timestamp()`,
    [client, addDays(from, days)],
  );
}
