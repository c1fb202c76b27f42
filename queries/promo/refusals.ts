import type { Kind } from "../../rules/promo/events.ts";
import type { Queryable } from "../../schema/database.ts";

export interface Refused {
  client: string;
  kind: Kind;
  caller: string;
  refused: number;
}

/** Events that were refused since the last call; answers how many that makes today for each caller. */
export async function countRefusals(database: Queryable, refused: readonly Refused[]): Promise<Refused[]> {
  const { rows } = await database.query<Refused>(
    `insert into promo.promo_refusals as r (_client_id, kind, caller, date, refused, last_at)
     select n.client, n.kind, n.caller, (now() at time zone 'UTC')::date, n.refused, now()
       from jsonb_to_recordset($1) as n (client text, kind text, caller text, refused bigint)
      order by 1, 2, 3
     on conflict (_client_id, kind, date, caller) do update set refused = r.refused + excluded.refused, last_at = now()
     returning _client_id as client, kind, caller, refused`,
    [JSON.stringify(refused)],
  );
  return rows;
}
