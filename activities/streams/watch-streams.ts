import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { readPartitions, type PartitionState } from "../../queries/streams/progress.ts";
import type { Database } from "../../schema/database.ts";

const kinds = ["stream_lag"];

/**
 * Opens an alert for each topic that is declared and behind: messages wait for longer than the setting says, or no consumer has
 * looked for them. Closes it when they are stored.
 */
export async function watchStreams(
  database: Database,
  of: { client: string; declared: readonly { name: string }[]; lagMinutes: number },
): Promise<void> {
  const { client, declared, lagMinutes } = of;
  const known = await readPartitions(database, { client });
  const names = new Set([...known.map(({ stream }) => stream), ...declared.map(({ name }) => name)]);
  for (const name of names) {
    const partitions = known.filter(({ stream, isFinished }) => stream === name && !isFinished);
    const late = declared.some((one) => one.name === name) ? latest(partitions, lagMinutes * 60) : null;
    const subject = { client, area: "ingest", subject: name };
    if (late === null)
      await settleAlerts(database, { ...subject, kinds, notes: "it has caught up, or is not read any more" });
    else
      await raiseAlert(database, {
        ...subject,
        kind: "stream_lag",
        severity: "warning",
        message: messageOf(name, late),
        details: { ...late, partitions: partitions.length },
      });
  }
}

interface Late {
  partition: string;
  minutes: number;
  lag: number | null;
  isUnseen: boolean;
}

/** The partition that is furthest behind; null when none is too far. */
function latest(partitions: readonly PartitionState[], seconds: number): Late | null {
  const late = partitions
    .map(({ partition, lag, waitingSeconds, seenSeconds }) => ({
      partition,
      lag,
      seconds: Math.max(waitingSeconds, seenSeconds),
      isUnseen: seenSeconds >= waitingSeconds,
    }))
    .filter((one) => one.seconds > seconds)
    .sort((one, other) => other.seconds - one.seconds);
  const [first] = late;
  if (first === undefined) return null;
  return {
    partition: first.partition,
    minutes: Math.round(first.seconds / 60),
    lag: first.lag,
    isUnseen: first.isUnseen,
  };
}

function messageOf(name: string, { partition, minutes, lag, isUnseen }: Late): string {
  if (isUnseen)
    return `${name}: no consumer has looked for messages of partition ${partition} for ${minutes} minutes. Does a consumer run (npm run consume)?`;
  const many = lag === null ? "messages wait" : `${lag} messages wait`;
  return `${name}, partition ${partition}: ${many}, the oldest for about ${minutes} minutes. Is a consumer missing, or Postgres too slow for one?`;
}
