import { findPlan } from "../../queries/pretargeting/plans.ts";
import { ApiError, notFound } from "../server/errors.ts";
import type { ServerParts } from "../server/parts.ts";

export async function planOf(parts: Pick<ServerParts, "reading">, of: { client: string; planId: number }) {
  const row = await findPlan(parts.reading, of);
  if (row === null) throw notFound("plan");
  if (row.digest === null) throw new ApiError("conflict", `the plan was not computed: ${row.stateReason ?? row.state}`);
  return { ...row, digest: row.digest };
}
