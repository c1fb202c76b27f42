import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import type { Database } from "../../schema/database.ts";

export interface Differences {
  feed: string;
  client: string;
  different: readonly string[];
  /** Days of which it is known that they are the same. */
  same: readonly string[];
}

/** An alert for a feed whose days are not the same on both sides; it closes when such days are. */
export async function sayDifferences(
  database: Database,
  { feed, client, different, same }: Differences,
): Promise<void> {
  const about = { client, area: "mirror", subject: feed };
  const [first] = different;
  if (first !== undefined)
    await raiseAlert(database, {
      ...{ ...about, kind: "mirror_differs", severity: "warning" },
      message: `${feed}: ${different.length === 1 ? `${first} does` : `${different.length} days from ${first} on do`} not add up in ClickHouse to what Postgres has. Copied again; until then Postgres answers.`,
      details: { days: different },
    });
  else if (same.length > 0)
    await settleAlerts(database, {
      ...about,
      kinds: ["mirror_differs"],
      notes: `${same.at(-1) ?? ""} adds up on both sides`,
    });
}
