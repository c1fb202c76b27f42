import type { FileCounts } from "../../connectors/files/performance-file.ts";
import { foreseeRefusal, undone } from "../../queries/files/foresee.ts";
import { allowLongWork } from "../../queries/files/ingest.ts";
import { DayLost } from "../../queries/files/report-losses.ts";
import { openStaging } from "../../queries/files/staging.ts";
import { storeOf } from "../../queries/files/stores.ts";
import { settingsOf } from "./input.ts";
import { readLineBasis } from "./line-basis.ts";
import { counted, readChecked } from "./read-checked.ts";
import type { FilesContext, Reading } from "./shapes.ts";

/**
 * Reads as a real import does, against the same creatives, seats and rows, and leaves nothing. What would refuse the file is
 * thrown. `waitMs`: how long it may wait for an import that is under way; as long as it takes where left out.
 */
export async function checkOnly(
  context: FilesContext,
  reading: Reading,
  { waitMs }: { waitMs?: number } = {},
): Promise<FileCounts> {
  const { database, config } = context;
  const { place } = reading;
  const settings = settingsOf(config, place.client);
  const { mapping } = reading.mapping;
  const { kind = "performance" } = mapping;
  let counts: FileCounts | undefined;
  try {
    return await undone(database, async (session) => {
      await allowLongWork(session);
      if (waitMs !== undefined) await session.query(`set local lock_timeout = ${Math.trunc(waitMs)}`);
      const basis = await readLineBasis(session, { client: place.client, settings, mapping, at: reading.startedAt });
      const staging = await openStaging(session, storeOf(kind).staged);
      counts = await readChecked(context, await counted(reading), {
        settings,
        basis,
        named: (creatives) => staging.name(creatives),
        accepted: (block) => (kind === "performance" ? Promise.resolve() : staging.write(block)),
        rejected: null,
      });
      await staging.pause();
      await staging.end();
      await foreseeRefusal(session, kind, {
        client: place.client,
        today: basis.today,
        grain: counts.grain,
        combine: mapping.combine,
        createStubs: settings.createStubs,
        doubtful: counts.doubtful,
        acceptsLoss: place.force,
      });
      return counts;
    });
  } catch (error) {
    if (error instanceof DayLost && counts !== undefined)
      error.counts = { lines: counts.lines, preamble: counts.preamble, totals: counts.totals };
    throw error;
  }
}
