import type { Queryable } from "../../schema/database.ts";

export interface DescribedColumn {
  name: string;
  type: string;
  required: boolean;
  comment: string | null;
}

export interface DescribedTable {
  schema: string;
  schemaComment: string | null;
  name: string;
  kind: "table" | "view";
  comment: string | null;
  /** The merge key, or else the primary key. */
  key: string[];
  columns: DescribedColumn[];
}

/** Every table and view of ours with what their comments say. */
export async function readCatalog(database: Queryable): Promise<DescribedTable[]> {
  const { rows } = await database.query<DescribedTable>(
    `select n.nspname as schema, obj_description(n.oid, 'pg_namespace') as "schemaComment", c.relname as name,
            case when c.relkind in ('v', 'm') then 'view' else 'table' end as kind, obj_description(c.oid, 'pg_class') as comment,
            coalesce((
              select array_agg(a.attname::text order by k.place)
                from (select conkey from pg_constraint
                       where conrelid = c.oid and contype in ('p', 'u') order by (conname = c.relname || '_key') desc, contype limit 1) found
               cross join unnest(found.conkey) with ordinality k(attnum, place)
                join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum), '{}') as key,
            (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'required', a.attnotnull,
                                               'comment', col_description(c.oid, a.attnum)) order by a.attnum)
               from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
        and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
      order by n.nspname, c.relkind in ('v', 'm'), c.relname`,
  );
  return rows;
}
