import { deleteExpiredIdentities } from "../../queries/conversions/delivery-identities.ts";
import { cleanStored } from "../../queries/ops/clean-stored.ts";
import { foldMarks } from "../../queries/ops/mirror-marks.ts";
import { prune } from "../../queries/ops/retention.ts";
import { dropThumbnails } from "../../queries/rtb/thumbnails.ts";
import { sealStoredHeaders } from "../../queries/files/file-header.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import { prunePromo } from "../../queries/promo/retention.ts";
import { pruneStreams } from "../../queries/streams/progress.ts";
import { sealStoredContent } from "../../queries/sync/quarantine.ts";
import type { MaintenanceContext } from "./context.ts";

/** A first cleaning of many rows goes on in the next run. */
const cleaningMs = 20_000;

/** Cleans what was stored before it was cleaned on its way in, and deletes what is older than its setting says; by default what was kept of persons, and old promo events. */
export async function applyRetention({ database, config }: MaintenanceContext): Promise<{ deleted: number }> {
  // What is known of persons goes in any case, also when nothing is delivered any more.
  const identities = await deleteExpiredIdentities(database);
  await sealStoredContent(database, quarantineSeal(config));
  await sealStoredHeaders(database, quarantineSeal(config));
  const { counting, clients } = config.promo;
  const timezoneOf = (client: string) => clients.get(client)?.timezone;
  const events = await prunePromo(database, { eventDays: counting.retentionDays, timezoneOf });
  const { consenting, days } = config.thumbnails;
  const thumbnails = await dropThumbnails(database, { consenting: [...consenting], days });
  const deleted = events + identities + thumbnails + (await prune(database, config.retention));
  // Where there is no column store they would only grow.
  await foldMarks(database);
  await pruneStreams(database, {
    eventsDays: config.streams.eventsDays,
    receiptsDays: config.retention.receiptsDays,
  });
  await cleanStored(database, { forMs: cleaningMs });
  return { deleted };
}
