import type { Origin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";

/** One client's ledger at one destination. */
export interface Ledger {
  client: string;
  destination: string;
}

/** What goes to a destination, and whether the destination accepts changes of a conversion. */
export interface Routing {
  /** As `vendor.table`. */
  feeds: readonly string[];
  types: readonly string[];
  /** A record that is written again under its key; an event that was counted stays counted. */
  corrects: boolean;
  /** Who is sent it: what the sandbox made up goes to no real destination. */
  origin: Origin;
}

/** May a conversion go to a destination of this origin? */
export const mayGoTo = (origin: string, conversion: string) =>
  `(${origin}::text = 'sandbox' or ${conversion}.origin <> 'sandbox')`;

export interface Deliverable {
  conversionKey: string;
  /** Of one order, one conversion goes to a destination. */
  orderKey: string | null;
  /** What the feed calls it. */
  eventName: string;
  eventTime: Date;
  value: string | null;
  currency: string | null;
}

/**
 * The ledger has this order under another feed's key. Whatever became of it there: it is that key that is sent, tried
 * again or redelivered, as a destination could not see that the two are one.
 */
export const knownByAnotherFeed = (one: string) =>
  `exists (select from ops.deliveries t where t._client_id = $1 and t.destination = $2 and t.order_key = ${one}.order_key
                        and split_part(t.conversion_key, ':', 1) <> split_part(${one}.conversion_key, ':', 1))`;

/** A batch without progress for this long may be taken over: its attempt ended long before. */
export const abandonedAfter = "interval '30 minutes'";

export async function changed(database: Queryable, statement: string, values: unknown[]): Promise<number> {
  return (await database.query(statement, values)).rowCount ?? 0;
}
