import type { Click, Impression, Outcome } from "../../rules/promo/events.ts";
import { prepared, type Queryable } from "../../schema/database.ts";

export interface Counting {
  /** Whose day an event belongs to: time zones by client. */
  zones: Readonly<Record<string, string>>;
  repeatWindowMs: number;
}

type Recorded = (Outcome | "raced")[];

/** Counts impressions in one transaction; answers in their order. */
export async function recordImpressions(
  database: Queryable,
  impressions: readonly Impression[],
  { zones }: Counting,
): Promise<Recorded> {
  const statement = "select place, outcome from promo.record_impressions($1, $2)";
  return record(database, statement, impressions, [JSON.stringify(zones)]);
}

/** The same for clicks. */
export async function recordClicks(
  database: Queryable,
  clicks: readonly Click[],
  { zones, repeatWindowMs }: Counting,
): Promise<Recorded> {
  const statement = "select place, outcome from promo.record_clicks($1, $2, $3)";
  return record(database, statement, clicks, [JSON.stringify(zones), repeatWindowMs]);
}

async function record(
  database: Queryable,
  statement: string,
  events: readonly (Impression | Click)[],
  more: unknown[],
): Promise<Recorded> {
  const placed = JSON.stringify(events.map((event, place) => ({ place, ...event })));
  const { rows } = await database.query<{ place: number; outcome: Outcome | "raced" }>(
    prepared(statement, [placed, ...more]),
  );
  const outcomes: Recorded = events.map(() => "counted");
  for (const { place, outcome } of rows) outcomes[place] = outcome;
  return outcomes;
}
