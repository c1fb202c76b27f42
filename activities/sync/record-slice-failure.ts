import { recordFailure } from "../../queries/sync/ledger.ts";
import { guardedBy } from "../shared/failures.ts";
import type { SyncContext } from "./context.ts";
import type { SliceFailed } from "./shapes.ts";

/** Remembers a slice that failed. */
export async function recordSliceFailure(
  { database, sources, redact }: SyncContext,
  failed: SliceFailed,
): Promise<void> {
  await guardedBy(redact)(`${failed.source} ${failed.day}`, async () => {
    const timezone = sources.find((source) => source.name === failed.source)?.slices.timezone ?? "UTC";
    await recordFailure(database, { ...failed, timezone, reason: redact(failed.reason) });
  });
}
