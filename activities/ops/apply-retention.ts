import { deleteExpiredIdentities } from "../../queries/conversions/delivery-identities.ts";
import { prune } from "../../queries/ops/retention.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import { sealStoredContent } from "../../queries/sync/quarantine.ts";
import type { MaintenanceContext } from "./context.ts";

/** Deletes what is older than its setting says; by default nothing but what was kept of persons for a delivery. */
export async function applyRetention({ database, config }: MaintenanceContext): Promise<{ deleted: number }> {
  // What is known of persons goes in any case, also when nothing is delivered any more.
  const identities = await deleteExpiredIdentities(database);
  await sealStoredContent(database, quarantineSeal(config));
  return { deleted: identities + (await prune(database, config.retention)) };
}
