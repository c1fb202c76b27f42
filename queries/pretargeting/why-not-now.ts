import { takesTooMuch, whyNoFeed } from "../../rules/pretargeting/watch-qps.ts";
import type { Queryable } from "../../schema/database.ts";
import type { Config } from "../../settings/config.ts";
import { readFeed } from "./feed.ts";
import type { PlanRow } from "./plans.ts";

/** What speaks against applying it now, whatever did when it was computed. Of one that has begun or is over nothing does. */
export async function whyNotNow(
  database: Queryable,
  row: PlanRow,
  { client, settings }: { client: string; settings: Config["pretargeting"] },
): Promise<string | null> {
  if (row.state !== "planned" && row.state !== "approved") return null;
  const { isApplied, silentSeconds, watchSeconds } = settings;
  const feed = await readFeed(database, { client, bidderId: row.bidderId ?? "", sinceSeconds: watchSeconds });
  const reasons = [
    isApplied ? null : "PRETARGETING_APPLY is off: a plan is a dry run",
    whyNoFeed(feed, silentSeconds),
    takesTooMuch(row.expectedShare) ? "it takes half of all requests or more: take smaller steps" : null,
    row.configState === "ACTIVE" ? null : "the configuration is suspended: nothing could be watched",
  ].filter((one) => one !== null);
  return reasons.length === 0 ? null : reasons.join("; ");
}
