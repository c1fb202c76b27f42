import type { Database } from "../../schema/database.ts";

/** Fewer rows than these are gone through as quickly as they are looked up. */
const fewRows = 1_000;

/**
 * Has Postgres look at months of performance that have more than doubled since it last did. Until it does by itself, a
 * minute later or so, it plans for them as if they were empty, and goes through all of their rows for each batch. As a
 * month grows that is ever seldomer. Whoever may not do that to the tables leaves it to Postgres.
 */
export async function lookAtYoungMonths(database: Database): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(
    `select format('%I.%I', s.schemaname, s.relname) as name
       from pg_inherits i join pg_stat_user_tables s on s.relid = i.inhrelid join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'rtb.performance_metrics'::regclass and s.n_mod_since_analyze > greatest(c.reltuples, ${fewRows})
        and pg_has_role(c.relowner, 'usage')
      order by 1`,
  );
  const names = rows.map(({ name }) => name);
  if (names.length > 0) await database.query(`analyze (skip_locked) ${names.join(", ")}`);
  return names;
}
