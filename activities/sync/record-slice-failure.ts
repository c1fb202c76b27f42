import type { DailyFeed } from "../../connectors/source.ts";
import { recordFailure } from "../../queries/sync/ledger.ts";
import { zoneOfFeed } from "../../settings/windows.ts";
import { guardedBy } from "../shared/failures.ts";
import type { SyncContext } from "./context.ts";
import type { SliceFailed } from "./shapes.ts";

/** Remembers a slice that failed. */
export async function recordSliceFailure(
  { database, config, sources, elsewhere = [], redact }: SyncContext,
  failed: SliceFailed,
): Promise<void> {
  await guardedBy(redact)(`${failed.source} ${failed.day}`, async () => {
    const feeds: readonly DailyFeed[] = [...sources, ...elsewhere.map(({ feed }) => feed)];
    const feed = feeds.find(({ name }) => name === failed.source);
    const timezone = feed === undefined ? "UTC" : zoneOfFeed(config, feed);
    await recordFailure(database, { ...failed, timezone, reason: redact(failed.reason) });
  });
}
