import type { Queryable } from "../../schema/database.ts";
import { createValues, type Put } from "./creative-shapes.ts";
import { daysOf, stateSql } from "./metrics.ts";
import type { Period } from "./rollups.ts";

/**
 * Where most was spent of a few creatives, as `creative_id, geography, spend`: their rows are added up. Given as one array,
 * so that each month is gone through once and not once per creative.
 */
function topGeographies(
  { period, asOf }: { period: Period; asOf: string },
  creatives: string,
  client: string,
  put: Put,
) {
  const { from, to } = daysOf(period, asOf);
  const days = from === null || to === null ? "" : `and m.date between ${put(from)}::date and ${put(to)}::date`;
  return `(select distinct on (creative_id) creative_id, geography, spend
             from (select m.creative_id, m.geography, sum(m.spend) as spend from rtb.performance_metrics m
                    where m._client_id = ${client} and m.creative_id = any(${creatives}) ${days} and m.geography <> '' group by 1, 2) s
            where spend > 0 order by creative_id, spend desc, geography)`;
}

/** Where most was spent of each of these creatives; those without spend in a known country are left out. */
export async function readTopGeographies(
  database: Queryable,
  of: { client: string; period: Period; asOf: string; ids: readonly string[] },
): Promise<{ version: string | null; top: Map<string, { geography: string; spend: string }> }> {
  const { values, put } = createValues();
  const client = put(of.client);
  const { rows } = await database.query<{
    id: string | null;
    geography: string;
    spend: string;
    version: string;
  }>(
    `select g.creative_id::text as id, g.geography, g.spend, v.version
       from ${stateSql(client)} v left join ${topGeographies(of, `${put(of.ids)}::bigint[]`, client, put)} g on true`,
    values,
  );
  return {
    version: rows[0]?.version ?? null,
    top: new Map(rows.flatMap(({ id, geography, spend }) => (id === null ? [] : [[id, { geography, spend }]]))),
  };
}
