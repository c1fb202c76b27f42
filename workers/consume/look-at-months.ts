import { setTimeout as pause } from "node:timers/promises";
import { lookAtYoungMonths } from "../../queries/files/young-months.ts";
import type { ConsumerParts } from "./parts.ts";

const everyMs = 5_000;

/** While a table fills from streams, Postgres is told how much there is. Without that it is only slower. */
export async function lookAtMonths({ database, logger, redact, signal }: ConsumerParts): Promise<void> {
  for (;;) {
    await pause(everyMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await lookAtYoungMonths(database);
    } catch (error) {
      logger.debug({ err: redact(String(error)) }, "months of performance could not be looked at");
    }
  }
}
