import { setTimeout as wait } from "node:timers/promises";
import { ColumnStoreAway } from "../../schema/clickhouse/column-store.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { foldMarks, nextMarked, readWaiting, type MarkedDays } from "../../queries/ops/mirror-marks.ts";
import { abandonOldCopies } from "../../queries/ops/mirror-versions.ts";
import { withHeartbeat } from "../shared/with-heartbeat.ts";
import { compareDays } from "./compare-days.ts";
import { copyDays } from "./copy-days.ts";
import { deleteLeftovers } from "./delete-leftovers.ts";
import type { MirrorContext, OpenMirror } from "./mirror-context.ts";
import { prepareStore } from "./prepare-store.ts";

/** A run looks for changes for so long: the next begins with the next minute. With much to copy it takes longer. */
const lookForMs = 50_000;
const longestMs = 300_000;
const lookEveryMs = 500;
/** No copy of a run that is over can still be on its way. */
const copyMinutes = 15;
/** An alert says that answers come from Postgres, slowly. */
const behindMinutes = 10;

export interface MirroredDays {
  /** Why nothing was mirrored; null when the column store was there. */
  away: string | null;
  days: number;
  rows: number;
  /** Days whose sums were not the same on both sides; they are copied again. */
  different: number;
  /** Days that were compared again, long after they were copied. */
  compared: number;
  /** Days that still wait. */
  waiting: number;
}

/**
 * Copies what has changed to the column store, as it changes. What is to be copied stands in Postgres, and a copy counts
 * once it is whole: killed anywhere, the next run goes on.
 */
export async function mirrorChanges(context: MirrorContext): Promise<MirroredDays> {
  const { redact } = context;
  const done = { days: 0, rows: 0, different: 0, compared: 0 };
  return withHeartbeat({ place: "mirror", redact, progress: done }, async (signal) => {
    const begun = Date.now();
    const isOver = (ms: number) => Date.now() - begun > ms;
    const away = await whileThere(context, async (open) => {
      await abandonOldCopies(open.database, { minutes: copyMinutes });
      await foldMarks(open.database);
      const identity = await prepareStore(open);
      const step = async (marked: MarkedDays) => {
        const copied = await copyDays(open, { ...marked, identity }, signal);
        done.days += copied.days;
        done.rows += copied.rows;
        done.different += copied.different;
        return copied.different === 0;
      };
      await deleteLeftovers(open, identity);
      for (;;) {
        signal.throwIfAborted();
        const marked = await nextMarked(open.database);
        // One that differs waits for the next run, or it would be copied again and again.
        if (marked !== null && !(await step(marked))) return;
        if (marked === null) {
          if (done.days > 0) await deleteLeftovers(open, identity);
          const again = await compareDays(open, identity);
          done.compared += again.days;
          done.different += again.different;
          if (again.days > 0) continue;
          if (isOver(context.lookForMs ?? lookForMs)) return;
          await wait(lookEveryMs, undefined, { signal });
        }
        if (isOver(longestMs)) return;
      }
    });
    const waiting = await sayBehind(context, away);
    return { away, ...done, waiting };
  });
}

/** Null, or why there is nothing to write to. */
async function whileThere(context: MirrorContext, work: (open: OpenMirror) => Promise<void>): Promise<string | null> {
  const { store } = context;
  if (store === null) return "CLICKHOUSE_URL is not set";
  try {
    await work({ ...context, store });
    return null;
  } catch (error) {
    if (error instanceof ColumnStoreAway) return error.message;
    throw error;
  }
}

/** Raises or closes the alert of each client whose days wait for long. */
async function sayBehind({ database }: MirrorContext, away: string | null): Promise<number> {
  const waiting = await readWaiting(database);
  for (const { client, days, since } of waiting) {
    const about = { client, area: "mirror", subject: "column store" };
    const minutes = Math.floor((Date.now() - since.getTime()) / 60_000);
    if (minutes < behindMinutes) continue;
    await raiseAlert(database, {
      ...{ ...about, kind: "mirror_behind", severity: "warning" },
      message: `${days} changed days wait to be mirrored, the first for ${minutes} minutes${away === null ? "" : `: ${away}`}. They are answered from Postgres.`,
      details: { days, since },
    });
  }
  const { rows: behind } = await database.query<{ client: string }>(
    "select _client_id as client from ops.alerts where area = 'mirror' and kind = 'mirror_behind' and resolved_at is null",
  );
  const late = new Set(
    waiting.filter(({ since }) => Date.now() - since.getTime() >= behindMinutes * 60_000).map(({ client }) => client),
  );
  for (const { client } of behind.filter((one) => !late.has(one.client)))
    await settleAlerts(database, {
      ...{ client, area: "mirror", kinds: ["mirror_behind"], subject: "column store" },
      notes: "what has changed is mirrored",
    });
  return waiting.reduce((sum, { days }) => sum + days, 0);
}
