import type { Session } from "../../schema/database.ts";
import { withoutLoops } from "../rtb/rollups.ts";
import type { RowDifference } from "../sync/shapes.ts";
import { readDay, writeOwned, type StagedDay } from "./merge-day.ts";

/** Whatever the answer takes away is shown: nothing of this is kept. */
const believing = { acceptEmpty: true, mostWithdrawnPercent: 100 };

const rowOf = (alias: string) =>
  `case when ${alias}.creative_id is null then null
        else json_build_object('impressions', ${alias}.impressions, 'clicks', ${alias}.clicks, 'spend', ${alias}.spend)::text end`;

/** Row by row what the answer says against what is stored, by whomever. To be called where nothing is kept. */
export async function compareDay(session: Session, staged: StagedDay) {
  const { client, day } = staged.owned;
  const before = await readDay(session, staged.owned);
  await session.query(
    `create temp table compared_with on commit drop as
     select * from rtb.performance_metrics where _client_id = $1 and date = $2::date`,
    [client, day],
  );
  await writeOwned(session, staged, { believing, before: before.total });
  const after = await readDay(session, staged.owned);
  const { rows } = await withoutLoops(session, () =>
    session.query<RowDifference>(
      `with now as (select * from rtb.performance_metrics where _client_id = $1 and date = $2::date),
       beside as (
         select creative_id as id, hour, geography, device_type, placement, ${rowOf("b")} as stored, ${rowOf("n")} as vendor
           from pg_temp.compared_with b full join now n using (creative_id, hour, geography, device_type, placement)
          where (b.impressions, b.clicks, b.spend) is distinct from (n.impressions, n.clicks, n.spend))
       select case when stored is null then 'first' when vendor is null then 'withdrawn' else 'changed' end as kind,
              json_strip_nulls(json_build_object('creative', creative_id, 'hour', nullif(hour, -1), 'geography', nullif(geography, ''),
                'device_type', nullif(device_type, ''), 'placement', nullif(placement, '')))::text as key,
              stored, vendor
         from beside b left join rtb.creatives c on c._client_id = $1 and c.id = b.id
        order by creative_id, hour, geography, device_type, placement`,
      [client, day],
    ),
  );
  return { differences: rows, before: before.total, after: after.total, rejected: staged.counts.rejected };
}
