import { nearest } from "../../core/nearest.ts";
import type { Origin, StoredOrigin } from "../../core/origin.ts";
import { inTransaction, type Database, type Queryable, type Session } from "../../schema/database.ts";
import { countUpTo } from "../shared/count-up-to.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";
import { isMadeUp, mayReplace, type Merged } from "./merged.ts";

export interface Seat {
  buyerId: string;
  displayName: string | null;
  bidderAccountId: string | null;
  creativeCount: number;
  /** Of its creatives: as the exchange judged them, and those it lists no longer, whatever they were. */
  approved: number;
  disapproved: number;
  pending: number;
  vanished: number;
  lastSync: Date | null;
  /** What came of the last sync, also of one that failed, and why. */
  lastOutcome: "synced" | "emptied" | "short" | "failed" | null;
  lastReason: string | null;
  origin: StoredOrigin;
}

/** By id, or by what is here of them. */
export const seatOrders = {
  by: {
    buyerId: [],
    displayName: [{ sql: "lower(s.display_name)", type: "text", canBeMissing: true }],
    creativeCount: [{ sql: "coalesce(s.creative_count, 0)", type: "whole" }],
    approved: [{ sql: "n.approved", type: "whole" }],
    pending: [{ sql: "n.pending", type: "whole" }],
    disapproved: [{ sql: "n.disapproved", type: "whole" }],
    vanished: [{ sql: "n.vanished", type: "whole" }],
    lastSync: [{ sql: "s.last_sync", type: "moment", canBeMissing: true }],
  },
  then: [{ sql: "s.buyer_id", type: "text" }],
  usual: "buyerId",
} satisfies Orders;

/** Each with the creatives that are here of it. */
const seatTables = `rtb.buyer_seats s
      cross join lateral (
        select count(*) filter (where c.vanished_at is null and c.approval_status = 'APPROVED')::int as approved,
               count(*) filter (where c.vanished_at is null and c.approval_status = 'DISAPPROVED')::int as disapproved,
               count(*) filter (where c.vanished_at is null and c.approval_status = 'PENDING_REVIEW')::int as pending,
               count(*) filter (where c.vanished_at is not null)::int as vanished
          from rtb.creatives c where c._client_id = s._client_id and c.buyer_id = s.buyer_id) n`;

export function listSeats(
  database: Queryable,
  { client, order, limit }: { client: string; order?: Order; limit: number },
): Promise<Placed<Seat>[]> {
  return readOrdered<Seat>(database, {
    columns: `s.buyer_id as "buyerId", s.display_name as "displayName", s.bidder_account_id as "bidderAccountId",
            coalesce(s.creative_count, 0) as "creativeCount", n.approved, n.disapproved, n.pending, n.vanished, s.last_sync as "lastSync", s.last_outcome as "lastOutcome", s.last_reason as "lastReason", s.origin`,
    ...{ from: seatTables, where: "s._client_id = :client", values: { client }, orders: seatOrders, order, limit },
  });
}

/** All seats of a client. */
export const countSeats = (database: Queryable, { client }: { client: string }) =>
  countUpTo(database, {
    name: "seats",
    parts: {
      creatives: "sum(creative_count)",
      ...{
        approved: "sum(approved)",
        pending: "sum(pending)",
        disapproved: "sum(disapproved)",
        vanished: "sum(vanished)",
      },
    },
    columns: "s.creative_count, n.*",
    ...{ from: seatTables, where: "s._client_id = :client", values: { client } },
  });

/** The seat of a client that has one; null where it has none or several. */
export async function findOnlySeat(database: Queryable, client: string): Promise<string | null> {
  const { rows } = await database.query<{ buyerId: string }>(
    `select buyer_id as "buyerId" from rtb.buyer_seats where _client_id = $1 limit 2`,
    [client],
  );
  return rows.length === 1 ? (rows[0]?.buyerId ?? null) : null;
}

export async function seatIsKnown(database: Queryable, of: { client: string; buyerId: string }): Promise<boolean> {
  const { rowCount } = await database.query("select from rtb.buyer_seats where _client_id = $1 and buyer_id = $2", [
    of.client,
    of.buyerId,
  ]);
  return rowCount !== 0;
}

export interface GivenSeat {
  buyerId: string;
  displayName?: string | null | undefined;
  bidderAccountId?: string | null | undefined;
}

/** Merges seats by id, as creatives are. */
export async function mergeSeats(
  database: Database,
  merge: { client: string; origin: Origin; rows: readonly GivenSeat[] },
): Promise<Merged> {
  return inTransaction(database, (session) => mergeSeatsIn(session, merge));
}

export async function mergeSeatsIn(
  session: Session,
  { client, origin, rows }: { client: string; origin: Origin; rows: readonly GivenSeat[] },
): Promise<Merged> {
  await session.query("select pg_advisory_xact_lock(hashtextextended('rtb creatives ' || $1, 0))", [client]);
  const given = `given as (select item ->> 'buyerId' as buyer_id, item from jsonb_array_elements($2::jsonb) as item order by 1)`;
  const next = (name: string, column: string) =>
    `case when g.item ? '${name}' then g.item ->> '${name}' else s.${column} end`;
  const values = [client, JSON.stringify(rows), origin];
  const inserted = await session.query(
    `with ${given}
     insert into rtb.buyer_seats (_client_id, buyer_id, origin, display_name, bidder_account_id)
     select $1, g.buyer_id, $3, g.item ->> 'displayName', g.item ->> 'bidderAccountId' from given g order by 2
         on conflict (_client_id, buyer_id) do nothing`,
    values,
  );
  const updated = await session.query(
    `with ${given}
     update rtb.buyer_seats s set display_name = ${next("displayName", "display_name")}, bidder_account_id = ${next("bidderAccountId", "bidder_account_id")}, origin = $3
       from given g where s._client_id = $1 and s.buyer_id = g.buyer_id
        and ${mayReplace("s")}
        and (${isMadeUp("s")} or (s.display_name, s.bidder_account_id) is distinct from (${next("displayName", "display_name")}, ${next("bidderAccountId", "bidder_account_id")}))`,
    values,
  );
  await countCreatives(
    session,
    client,
    rows.map(({ buyerId }) => buyerId),
  );
  const counts = { inserted: inserted.rowCount ?? 0, updated: updated.rowCount ?? 0 };
  return { ...counts, unchanged: rows.length - counts.inserted - counts.updated };
}

/** Keeps the count that a seat shows. */
export async function countCreatives(
  session: Session,
  client: string,
  buyers: readonly (string | null)[],
): Promise<void> {
  const named = [...new Set(buyers)].filter((buyer) => buyer !== null);
  if (named.length === 0) return;
  await session.query(
    `update rtb.buyer_seats s set creative_count = n.creatives
       from (select b.buyer_id, count(c.creative_id)::int as creatives
               from unnest($2::text[]) as b(buyer_id) left join rtb.creatives c on c._client_id = $1 and c.buyer_id = b.buyer_id group by 1) n
      where s._client_id = $1 and s.buyer_id = n.buyer_id and s.creative_count is distinct from n.creatives`,
    [client, named],
  );
}

/** Lines name a seat that the exchange does not have. */
export class UnknownSeat extends Error {
  constructor(buyerId: string, { meant, known }: { meant: string | null; known: readonly string[] }) {
    const seats = known.slice(0, 5).join(", ");
    super(
      `the exchange has no seat ${buyerId} of this client: ${meant === null ? `it has ${seats}` : `did you mean ${meant}?`} "Discover seats" asks the exchange again`,
    );
    this.name = "UnknownSeat";
  }
}

/**
 * A mistyped seat would have rows of its own, and the client all of them twice. Once the exchange has named seats of the
 * client, lines are of these or of others that are here. Where those seats are made up only a near miss is refused: who
 * tries the sandbox has seats of their own, too.
 */
export async function refuseUnknownSeats(session: Session, client: string, table: "staged" | "named"): Promise<void> {
  const { rows } = await session.query<{ buyerId: string }>(
    `select distinct buyer_id as "buyerId" from pg_temp.${table} n
      where buyer_id <> '' and not exists (select from rtb.buyer_seats s where s._client_id = $1 and s.buyer_id = n.buyer_id) order by 1`,
    [client],
  );
  if (rows.length === 0) return;
  const { rows: seats } = await session.query<{ buyerId: string; isReal: boolean }>(
    `select buyer_id as "buyerId", origin = 'real' as "isReal" from rtb.buyer_seats
      where _client_id = $1 and (last_sync is not null or bidder_account_id is not null) order by 1`,
    [client],
  );
  const known = seats.map(({ buyerId }) => buyerId);
  const isReal = seats.some((seat) => seat.isReal);
  for (const { buyerId } of rows) {
    const meant = nearest(buyerId, known);
    if (isReal || meant !== null) throw new UnknownSeat(buyerId, { meant, known });
  }
}
