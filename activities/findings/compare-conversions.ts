import { z } from "zod";
import { addDays } from "../../core/days.ts";
import {
  compareDays,
  lockTieOut,
  readTieOutReach,
  recordTieOut,
  takeChangedDays,
} from "../../queries/findings/refresh-tie-out.ts";
import { inTransaction } from "../../schema/database.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import { runOf } from "../shared/run-of.ts";
import { withHeartbeat } from "../shared/with-heartbeat.ts";
import type { FindingContext } from "./search-findings.ts";

const shape = z.object({ client: z.string().optional() });
/** As many are compared by one statement: what is beside them is read for each. */
const mostTogether = 31;

export interface TieOutSummary {
  client: string;
  /** Days that had changed, and those that were compared because of them. */
  changed: number;
  compared: number;
}

/**
 * Holds AnyTrack's conversions against Everflow's, on the days that have changed since, and keeps what differs. In one
 * transaction: stopped on the way, it has done nothing, and the days are still noted.
 */
export async function compareConversions(
  { database, config, redact }: FindingContext,
  { input }: { input: unknown },
): Promise<TieOutSummary> {
  const client = clientNamed(config, checkedInput(shape, input).client);
  const run = { client, ...runOf() };
  const progress = { day: "" };
  return withHeartbeat({ place: `tie-out of client ${client}`, redact, progress }, (signal) =>
    inTransaction(database, async (session) => {
      await lockTieOut(session, run);
      const changed = await takeChangedDays(session, run);
      const reach = changed.length === 0 ? [] : await readTieOutReach(session, { client, days: changed });
      for (const days of together(reach)) {
        signal.throwIfAborted();
        progress.day = days.from;
        await compareDays(session, { client, ...days });
      }
      await recordTieOut(session, { ...run, days: reach.length });
      return { client, changed: changed.length, compared: reach.length };
    }),
  );
}

/** Days that follow each other, in parts of a month at most. */
export function together(days: readonly string[]): { from: string; to: string }[] {
  const parts: { from: string; to: string }[] = [];
  for (const day of days) {
    const last = parts.at(-1);
    if (last !== undefined && addDays(last.to, 1) === day && addDays(last.from, mostTogether) > day) last.to = day;
    else parts.push({ from: day, to: day });
  }
  return parts;
}
