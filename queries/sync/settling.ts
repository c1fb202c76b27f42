import { addDays } from "../../core/days.ts";
import { lookbackOf, type Lookback } from "../../rules/sync/settling.ts";
import type { Queryable } from "../../schema/database.ts";

/** So long ago that it is over, and so many days of it. */
const settledAfterDays = 8;
const pastDays = 91;

export interface SettlingRow {
  source: string;
  /** 1 is Monday; null for all days. */
  weekday: number | null;
  days: number;
  /** The middle one of the shares of the final total that were known so long after the end; null where days were not read by then. */
  after1h: number | null;
  after6h: number | null;
  after1d: number | null;
  after2d: number | null;
  after3d: number | null;
  after7d: number | null;
}

export interface SettlingSource extends SettlingRow {
  lookback: Lookback;
}

const past = `select d.* from ops.settled_days d where d._client_id = $1 and d.day between $2 and $3 and d.first_read_hours < 24`;
const share = (name: string) =>
  `round((percentile_cont(0.5) within group (order by (${name} / nullif(total, 0))::float8))::numeric, 4)::float8`;
const shares = `${share("after_1h")} as "after1h", ${share("after_6h")} as "after6h", ${share("after_1d")} as "after1d", ${share("after_2d")} as "after2d",
            ${share("after_3d")} as "after3d", ${share("after_7d")} as "after7d"`;

/** How each source's days settled, and how long it is to be looked back at: in all and per weekday. */
export async function readSettling(
  database: Queryable,
  { client, today }: { client: string; today: string },
): Promise<{ sources: SettlingSource[]; weekdays: SettlingRow[] }> {
  const values = [client, addDays(today, -(pastDays + settledAfterDays)), addDays(today, -settledAfterDays)];
  const { rows } = await database.query<SettlingRow & { changes: { lastChange: number; lookedFor: number }[] }>(
    `with past as materialized (${past})
     select source, weekday, count(*)::int as days, ${shares},
            json_agg(json_build_object('lastChange', coalesce(last_change_days, 0), 'lookedFor', looked_for_days)) as changes
       from past group by grouping sets ((source), (source, weekday)) order by source, weekday nulls first`,
    values,
  );
  const known = rows.map(({ changes, ...row }) => ({ row, changes }));
  return {
    sources: known
      .filter(({ row }) => row.weekday === null)
      .map(({ row, changes }) => ({ ...row, lookback: lookbackOf(changes) })),
    weekdays: known.filter(({ row }) => row.weekday !== null).map(({ row }) => row),
  };
}
