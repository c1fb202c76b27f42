import type { Origin } from "../../core/origin.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import type { MergeTarget } from "./merge-shapes.ts";

/** Lines name creatives that are neither known nor to be created. */
export class UnknownCreatives extends Error {
  constructor(readonly creativeIds: string[]) {
    super(`creatives that are not known: ${creativeIds.join(", ")}`);
    this.name = "UnknownCreatives";
  }
}

/** Once per creative, where a foreign key would look once per row. */
export async function checkCreatives(session: Session, target: MergeTarget): Promise<void> {
  const unknown = `pg_temp.touched t where not exists (select from rtb.creatives c where c._client_id = $1 and c.creative_id = t.creative_id)`;
  if (target.createStubs) {
    await session.query(
      `insert into rtb.creatives (_client_id, creative_id, is_stub, origin) select $1, creative_id, true, 'real' from ${unknown} order by creative_id
       on conflict on constraint creatives_key do nothing`,
      [target.client],
    );
    return;
  }
  const { rows } = await session.query<{ id: string }>(
    `select creative_id::text as id from ${unknown} order by creative_id limit 5`,
    [target.client],
  );
  if (rows.length > 0) throw new UnknownCreatives(rows.map(({ id }) => id));
}

/** A file is the sandbox's when it is about nothing but made-up creatives. */
export async function originOfTouched(session: Session, client: string): Promise<Origin> {
  const { rows } = await session.query<{ madeUp: boolean }>(
    `select exists (select from pg_temp.touched)
            and not exists (select from pg_temp.touched t left join rtb.creatives c on c._client_id = $1 and c.creative_id = t.creative_id
                             where c.origin is distinct from 'sandbox') as "madeUp"`,
    [client],
  );
  return rows[0]?.madeUp === true ? "sandbox" : "real";
}

/** The ids of a client's creatives, to check lines against. */
export async function readKnownCreatives(database: Queryable, client: string): Promise<Set<string>> {
  const { rows } = await database.query<[string]>({
    text: "select creative_id::text from rtb.creatives where _client_id = $1",
    values: [client],
    rowMode: "array",
  } as never);
  return new Set(rows.map(([id]) => id));
}
