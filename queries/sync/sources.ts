import type { Queryable } from "../../schema/database.ts";
import type { SyncSchedule } from "../../settings/config.ts";

/** Lets the table say what the registry says: which feeds there are, and when each is pulled. */
export async function recordSources(database: Queryable, schedules: readonly SyncSchedule[]): Promise<void> {
  await database.query(
    `with given as (
       select * from jsonb_to_recordset($1::jsonb) g(source text, timezone text, "hourFrom" int, "hourTo" int, minute int)
     ), gone as (
       delete from ops.sources s where not exists (select from given g where g.source = s.source)
     )
     insert into ops.sources as s (source, timezone, hour_from, hour_to, minute)
     select source, timezone, "hourFrom", "hourTo", minute from given order by source
     on conflict (source) do update
        set timezone = excluded.timezone, hour_from = excluded.hour_from, hour_to = excluded.hour_to, minute = excluded.minute
      where (s.timezone, s.hour_from, s.hour_to, s.minute)
            is distinct from (excluded.timezone, excluded.hour_from, excluded.hour_to, excluded.minute)`,
    [
      JSON.stringify(
        schedules.map(({ source, timezone, hours, minute }) => ({
          source,
          timezone,
          hourFrom: hours.from,
          hourTo: hours.to,
          minute,
        })),
      ),
    ],
  );
}
