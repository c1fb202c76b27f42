import { readFeed } from "../../queries/pretargeting/feed.ts";
import { findPlan, type PlanRow } from "../../queries/pretargeting/plans.ts";
import { takesTooMuch, whyNoFeed } from "../../rules/pretargeting/watch-qps.ts";
import { ApiError, notFound } from "../server/errors.ts";
import type { ServerParts } from "../server/parts.ts";

/** What speaks against applying it now, whatever did when it was computed. */
export async function whyNotNow(
  { reading, config }: Pick<ServerParts, "reading" | "config">,
  row: PlanRow,
  client: string,
): Promise<string | null> {
  if (row.state !== "planned" && row.state !== "approved") return null;
  const { isApplied, silentSeconds, watchSeconds } = config.pretargeting;
  const feed = await readFeed(reading, { client, bidderId: row.bidderId ?? "", sinceSeconds: watchSeconds });
  const reasons = [
    isApplied ? null : "PRETARGETING_APPLY is off: a plan is a dry run",
    whyNoFeed(feed, silentSeconds),
    takesTooMuch(row.expectedShare) ? "it takes half of all requests or more: take smaller steps" : null,
    row.configState === "ACTIVE" ? null : "the configuration is suspended: nothing could be watched",
  ].filter((one) => one !== null);
  return reasons.length === 0 ? null : reasons.join("; ");
}

export async function planOf(parts: Pick<ServerParts, "reading">, of: { client: string; planId: number }) {
  const row = await findPlan(parts.reading, of);
  if (row === null) throw notFound("plan");
  if (row.digest === null) throw new ApiError("conflict", `the plan was not computed: ${row.stateReason ?? row.state}`);
  return { ...row, digest: row.digest };
}
