import type { Origin } from "../../core/origin.ts";
import { inTransaction, type Database } from "../../schema/database.ts";
import { mergeCreativesIn, type GivenCreative } from "./merge-creatives.ts";
import type { Merged } from "./merged.ts";
import { countCreatives } from "./seats.ts";

interface Reading {
  client: string;
  buyerId: string;
  /** Names one reading of the seat's list, over all of its pages. */
  syncId: string;
}

/** Merges a page of a seat's list, and notes that its creatives are there. A page that comes again changes nothing. */
export async function mergeListed(
  database: Database,
  { client, buyerId, syncId, origin, rows }: Reading & { origin: Origin; rows: readonly GivenCreative[] },
): Promise<Merged & { returned: number }> {
  return inTransaction(database, async (session) => {
    const merged = await mergeCreativesIn(session, { client, origin, rows });
    const { rows: seen } = await session.query<{ returned: number }>(
      `with before as (select id, vanished_at from rtb.creatives where _client_id = $1 and buyer_id = $2 and creative_id = any($4) for update),
            noted as (update rtb.creatives c set last_seen_at = now(), vanished_at = null, _last_sync = $3 from before b
                       where c._client_id = $1 and c.id = b.id returning b.vanished_at)
       select count(*) filter (where vanished_at is not null)::int as returned from noted`,
      [client, buyerId, syncId, rows.map(({ creativeId }) => creativeId)],
    );
    return { ...merged, returned: seen[0]?.returned ?? 0 };
  });
}

/** Creatives that the exchange listed once and this reading did not name; `gone` are those of earlier readings. */
export async function countMissing(
  database: Database,
  { client, buyerId, syncId }: Reading,
): Promise<{ missing: number; seen: number; gone: number }> {
  const { rows } = await database.query<{ missing: number; seen: number; gone: number }>(
    `select count(*) filter (where _last_sync is distinct from $3 and vanished_at is null)::int as missing,
            count(*) filter (where _last_sync = $3)::int as seen, count(*) filter (where vanished_at is not null)::int as gone
       from rtb.creatives where _client_id = $1 and buyer_id = $2 and last_seen_at is not null`,
    [client, buyerId, syncId],
  );
  return rows[0] ?? { missing: 0, seen: 0, gone: 0 };
}

/** Marks what a whole reading did not name, and records it at the seat. Nothing is deleted: rows of performance name it. */
export async function finishReading(
  database: Database,
  { client, buyerId, syncId, marks }: Reading & { marks: boolean },
): Promise<{ vanished: number }> {
  return inTransaction(database, async (session) => {
    await session.query("select pg_advisory_xact_lock(hashtextextended('rtb creatives ' || $1, 0))", [client]);
    const marked = marks
      ? await session.query(
          `update rtb.creatives set vanished_at = now(), updated_at = now()
            where _client_id = $1 and buyer_id = $2 and last_seen_at is not null and vanished_at is null and _last_sync is distinct from $3`,
          [client, buyerId, syncId],
        )
      : null;
    await session.query("update rtb.buyer_seats set last_sync = now() where _client_id = $1 and buyer_id = $2", [
      client,
      buyerId,
    ]);
    await countCreatives(session, client, [buyerId]);
    return { vanished: marked?.rowCount ?? 0 };
  });
}

/** What came of the last sync, at the seat; without one, at all seats that the exchange has named. */
export async function noteSync(
  database: Database,
  of: {
    client: string;
    buyerId: string | null;
    outcome: "synced" | "emptied" | "short" | "failed";
    reason: string | null;
  },
): Promise<void> {
  await database.query(
    `update rtb.buyer_seats set last_outcome = $3, last_reason = $4
      where _client_id = $1 and case when $2::text is null then bidder_account_id is not null or last_sync is not null else buyer_id = $2 end`,
    [of.client, of.buyerId, of.outcome, of.reason],
  );
}
