import type { Origin } from "../../core/origin.ts";
import type { Session } from "../../schema/database.ts";
import { withoutLoops } from "../rtb/rollups.ts";
import { countCreatives, refuseUnknownSeats } from "../rtb/seats.ts";
import type { MergeTarget } from "./merge-shapes.ts";

/** Lines name creatives that are neither known nor to be created, or that several seats have. */
export class UnknownCreatives extends Error {
  constructor(readonly creativeIds: string[]) {
    super(`creatives that are not known: ${creativeIds.join(", ")}`);
    this.name = "UnknownCreatives";
  }
}

/** Some exporters fill numbers up with zeros. An id with zeros is looked for as it is, and then without. */
const withoutZeros = "regexp_replace(n.creative_id, '^0+(?=[0-9]+$)', '')";

/**
 * Finds or makes the creatives that staged lines name by a number: once per creative, where a foreign key would look once
 * per row.
 */
export async function resolveCreatives(session: Session, target: MergeTarget): Promise<void> {
  const { client } = target;
  await session.query("analyze pg_temp.named");
  await refuseUnknownSeats(session, client, "named");
  const open = await find(session, client);
  if (open.seated + open.unseated > 0) {
    // Whoever lists creatives may just be bringing them.
    await session.query("select pg_advisory_xact_lock(hashtextextended('rtb creatives ' || $1, 0))", [client]);
    const { seated } = await find(session, client);
    if (seated > 0) await giveSeats(session, client);
    if (target.createStubs) await createStubs(session, client);
    await find(session, client);
  }
  const { rows } = await session.query<{ id: string }>(
    "select distinct creative_id as id from pg_temp.named where id is null order by 1 limit 5",
  );
  if (rows.length > 0) throw new UnknownCreatives(rows.map(({ id }) => id));
}

interface Open {
  /** Of these, so many name their seat. */
  seated: number;
  unseated: number;
  /** So many are filled up with zeros. */
  padded: number;
}

/** What is not found yet. */
async function readOpen(session: Session): Promise<Open> {
  const { rows } = await session.query<Open>(
    `select count(buyer_id)::int as seated, count(*) filter (where buyer_id is null)::int as unseated,
            count(*) filter (where creative_id ~ '^0+[0-9]')::int as padded from pg_temp.named where id is null`,
  );
  return rows[0] ?? { seated: 0, unseated: 0, padded: 0 };
}

/** From so many on, the list of creatives is gone through rather than looked up one by one: the planner cannot know. */
const manyNames = 1_000;

/** By seat and id; where the file names no seat, the one creative of this id. */
async function find(session: Session, client: string): Promise<Open> {
  let open = await readOpen(session);
  for (const id of ["n.creative_id", withoutZeros]) {
    if (open.seated + open.unseated === 0 || (id === withoutZeros && open.padded === 0)) break;
    const look = () => findBy(session, client, { id, ...open });
    await (open.seated + open.unseated > manyNames ? withoutLoops(session, look) : look());
    open = await readOpen(session);
  }
  return open;
}

async function findBy(
  session: Session,
  client: string,
  { id, seated, unseated }: Open & { id: string },
): Promise<void> {
  if (seated > 0)
    await session.query(
      `update pg_temp.named n set id = c.id from rtb.creatives c
        where n.id is null and c._client_id = $1 and c.buyer_id = n.buyer_id and c.creative_id = ${id}`,
      [client],
    );
  if (unseated > 0)
    await session.query(
      `update pg_temp.named n set id = c.id
         from (select c.creative_id, coalesce(min(c.id) filter (where c.buyer_id is null), min(c.id)) as id
                 from rtb.creatives c
                where c._client_id = $1 and c.creative_id in (select ${id} from pg_temp.named n where n.id is null and n.buyer_id is null)
                group by 1 having count(*) = 1 or bool_or(c.buyer_id is null)) c
        where n.id is null and n.buyer_id is null and c.creative_id = ${id}`,
      [client],
    );
}

/** A creative that was stored before anybody named its seat becomes that of the first seat that has its id: its rows stay. */
async function giveSeats(session: Session, client: string): Promise<void> {
  const given = await session.query(
    `update rtb.creatives c set buyer_id = f.buyer_id, updated_at = now()
       from (select c.id, (array_agg(n.buyer_id order by n.number))[1] as buyer_id from pg_temp.named n
               join rtb.creatives c on c._client_id = $1 and c.buyer_id is null and c.creative_id in (n.creative_id, ${withoutZeros})
              where n.id is null and n.buyer_id is not null group by 1) f
      where c._client_id = $1 and c.id = f.id`,
    [client],
  );
  if (given.rowCount !== 0) await find(session, client);
}

async function createStubs(session: Session, client: string): Promise<void> {
  await session.query(
    `insert into rtb.creatives (_client_id, buyer_id, creative_id, is_stub, origin)
     select $1, buyer_id, id, true, 'real' from (select distinct n.buyer_id, ${withoutZeros} as id from pg_temp.named n
      where n.id is null and (n.buyer_id is not null or not exists (
            select from rtb.creatives c where c._client_id = $1 and c.creative_id = ${withoutZeros}))) fresh order by length(id), id, buyer_id
     on conflict on constraint creatives_key do nothing`,
    [client],
  );
  const { rows } = await session.query<{ buyerId: string }>(
    `select distinct buyer_id as "buyerId" from pg_temp.named where buyer_id is not null order by 1`,
  );
  const buyers = rows.map(({ buyerId }) => buyerId);
  await session.query(
    `insert into rtb.buyer_seats (_client_id, buyer_id, origin) select $1, unnest($2::text[]), 'real' on conflict on constraint buyer_seats_key do nothing`,
    [client, buyers],
  );
  await countCreatives(session, client, buyers);
}

/** A file is the sandbox's when it is about nothing but made-up creatives. */
export async function originOfTouched(session: Session, client: string): Promise<Origin> {
  const { rows } = await session.query<{ madeUp: boolean }>(
    `select exists (select from pg_temp.touched)
            and not exists (select from pg_temp.touched t left join rtb.creatives c on c._client_id = $1 and c.id = t.creative_id
                             where c.origin is distinct from 'sandbox') as "madeUp"`,
    [client],
  );
  return rows[0]?.madeUp === true ? "sandbox" : "real";
}
