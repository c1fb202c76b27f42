import type { Origin, StoredOrigin } from "../../core/origin.ts";
import { prepared, type Queryable } from "../../schema/database.ts";

/**
 * Rows of another origin are stored: neither may be written beside the other. What the sandbox would write could replace
 * real rows, so it stays away from those of unknown origin too.
 */
const strangers: Record<Origin, StoredOrigin[]> = { real: ["sandbox"], sandbox: ["real", "unknown"] };

/** A pull that would mix what a vendor sent with what the sandbox made up. Nothing was written. */
export class OriginMixed extends Error {
  constructor(readonly mixed: MixedFeed) {
    super(describeMixed(mixed));
    this.name = "OriginMixed";
  }
}

export interface MixedFeed {
  client: string;
  source: string;
  /** Where the pull would come from. */
  pulled: Origin;
  /** Of what is stored. */
  stored: StoredOrigin;
  days: number;
}

interface FeedOf {
  client: string;
  source: string;
}

/** What a pull of this origin would mix with; null when nothing stands in its way. */
export async function findMixed(database: Queryable, feed: FeedOf, pulled: Origin): Promise<MixedFeed | null> {
  const { rows } = await database.query<{ stored: StoredOrigin; days: number }>(
    prepared(
      `select origin as stored, count(*)::int as days from ops.slices
      where _client_id = $1 and source = $2 and origin = any($3) and receipt_id is not null
      group by 1 order by 2 desc limit 1`,
      [feed.client, feed.source, strangers[pulled]],
    ),
  );
  const [found] = rows;
  return found === undefined ? null : { ...feed, pulled, ...found };
}

/** Throws before anything is mixed. */
export async function assertUnmixed(database: Queryable, feed: FeedOf, pulled: Origin): Promise<void> {
  const mixed = await findMixed(database, feed, pulled);
  if (mixed !== null) throw new OriginMixed(mixed);
}

/** What to type to delete the sandbox's rows of a feed. */
export const purgeCommand = ({ source, client }: FeedOf, more = "") =>
  `npm run purge -- --sandbox --source ${source} --client ${client}${more}`;

/** What stands in the way of a pull, and what to do about it. */
export function describeMixed(mixed: MixedFeed): string {
  const { source, client, pulled, stored, days } = mixed;
  const held = `${source}, client ${client}: ${days} ${days === 1 ? "day" : "days"} of`;
  if (pulled === "real")
    return `${held} sandbox data are stored, and real rows are not written beside them. Delete the sandbox data first: ${purgeCommand(mixed)}`;
  const instead = "Set the vendor's key again, or pull the sandbox into a database of its own";
  return stored === "real"
    ? `${held} real data are stored, and sandbox rows are not written over them. ${instead}.`
    : `${held} data of unknown origin are stored (from before this was recorded), and sandbox rows are not written over them. ${instead}. If they are the sandbox's own: ${purgeCommand(mixed, " --unknown")}`;
}
