import type { RaisedAlert } from "../../queries/ops/alerts.ts";
import { keepPartOf, readOverlaps } from "../../queries/recon/overlaps.ts";
import { alertOfOverlap, type AboutReport } from "../../rules/recon/alerts.ts";
import type { ReconContext } from "./context.ts";

interface Said {
  attempt: number;
  /** What the platform says the post is part of; undefined where it says nothing of it. */
  partOf: readonly string[] | undefined;
}

/** Keeps what a post is part of, and says which claims contain it or lie in it: once per report, and when that is news. */
export async function noteOverlaps(
  { database }: Pick<ReconContext, "database">,
  { client, platform, postId, platformPostId }: AboutReport,
  { attempt, partOf }: Said,
): Promise<RaisedAlert[]> {
  if (platformPostId === null || partOf === undefined) return [];
  const isNews = await keepPartOf(database, { client, postId, partOf });
  if (attempt > 1 && !isNews) return [];
  const overlaps = await readOverlaps(database, { client, platform, ids: [platformPostId, ...partOf] });
  return overlaps.map((overlap) => alertOfOverlap({ client, platform }, overlap));
}
