import { metricMeter } from "@temporalio/activity";
import type { FileCounts } from "../../connectors/files/performance-file.ts";
import { findFileOfRun, recordIngested, type FileRow } from "../../queries/files/files.ts";
import { keepHeader } from "../../queries/files/file-header.ts";
import { allowLongWork, backendOf, cancelBackend } from "../../queries/files/ingest.ts";
import { takeTurn } from "../../queries/files/merge-file.ts";
import { quarantineRejected } from "../../queries/files/quarantined-lines.ts";
import { DayLost } from "../../queries/files/report-losses.ts";
import { storeOf } from "../../queries/files/stores.ts";
import { openStaging } from "../../queries/files/staging.ts";
import { settleAlerts } from "../../queries/ops/alerts.ts";
import { learnSizes } from "../../queries/rtb/rollups.ts";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";
import { CommitUnknown, inTransaction, type Database, type Session } from "../../schema/database.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import type { ClientIngestSettings } from "../../settings/files.ts";
import { runOf } from "../shared/run-of.ts";
import { answerOfRow } from "./answer.ts";
import { alertKinds, handled, subjectOf } from "./handled-file.ts";
import { settingsOf } from "./input.ts";
import { readLineBasis } from "./line-basis.ts";
import { counted, readChecked } from "./read-checked.ts";
import { createQuarantine } from "./rejected-lines.ts";
import type { FilesContext, Reading } from "./shapes.ts";

/**
 * Reads, merges and keeps the receipt, in one transaction. To keep a rejected line takes ten times as long as to read it: where
 * most of the beginning is rejected, the file is read once for its counts alone, which refuse it or say that it goes on.
 */
export async function storeFile(context: FilesContext, reading: Reading): Promise<IngestAnswer> {
  try {
    return await store(context, reading, { isWatchful: true });
  } catch (error) {
    if (!(error instanceof MostlyRejectedSoFar)) throw error;
  }
  reading.errors.length = 0;
  await countOnly(context, await counted(reading));
  reading.errors.length = 0;
  return store(context, reading, { isWatchful: false });
}

class MostlyRejectedSoFar extends Error {
  override name = "MostlyRejectedSoFar";
}

const fewRejected = 2_000;

/** Looks at each lot of rejected lines, before it is kept. */
function watch({ progress }: Reading, { refuseAboveShare }: ClientIngestSettings): (lines: readonly unknown[]) => void {
  let rejected = 0;
  let before = { lines: 0, rejected: 0 };
  return (lines) => {
    // As of the last piece that was read whole: lines of this one are not counted yet.
    if (progress.lines !== before.lines) before = { lines: progress.lines, rejected };
    rejected += lines.length;
    if (before.rejected > fewRejected && before.rejected > before.lines * refuseAboveShare)
      throw new MostlyRejectedSoFar();
  };
}

/** Throws what would refuse the file as it is read. */
async function countOnly(context: FilesContext, reading: Reading): Promise<void> {
  const { client } = reading.place;
  const settings = settingsOf(context.config, client);
  const { mapping } = reading.mapping;
  const basis = await readLineBasis(context.database, { client, settings, mapping, at: reading.startedAt });
  const nothing = () => Promise.resolve();
  await readChecked(context, reading, { settings, basis, named: nothing, accepted: nothing, rejected: null });
}

async function store(
  context: FilesContext,
  reading: Reading,
  { isWatchful }: { isWatchful: boolean },
): Promise<IngestAnswer> {
  const { database, config } = context;
  const { place, signal, errors } = reading;
  const { runId } = runOf();
  const settings = settingsOf(config, place.client);
  let counts: FileCounts | undefined;
  const row = await inTransaction(database, async (session) => {
    await allowLongWork(session);
    return cancellable(database, session, signal, async () => {
      const { mapping } = reading.mapping;
      const { client } = place;
      const basis = await readLineBasis(session, { client, settings, mapping, at: reading.startedAt });
      const store = storeOf(mapping.kind);
      const staging = await openStaging(session, store.staged);
      const seal = quarantineSeal(config);
      const quarantined = createQuarantine(session, staging, seal);
      const look = isWatchful ? watch(reading, settings) : null;
      counts = await readChecked(context, reading, {
        settings,
        basis,
        named: (creatives) => staging.name(creatives),
        accepted: (block) => staging.write(block),
        rejected: async (lines) => {
          look?.(lines);
          await quarantined.add(lines);
        },
      });
      await quarantined.flush();
      await staging.end();
      reading.progress.phase = "merging";
      const fileId = await takeTurn(session, client);
      if (counts.rejected > 0) {
        await quarantineRejected(session, { client, source: store.source, fileId, runId });
        await keepHeader(
          session,
          { client, fileId },
          {
            seal,
            header: counts.headerText,
            delimiter: counts.delimiter,
            mapping: reading.mapping.reference,
            mappingContent: reading.mapping.content,
          },
        );
      }
      const merged = await store.merge(session, {
        client,
        fileId,
        today: basis.today,
        grain: counts.grain,
        combine: mapping.combine,
        createStubs: settings.createStubs,
        doubtful: counts.doubtful,
        days: counts.days,
        acceptsLoss: place.force,
      });
      const stored = await recordIngested(
        session,
        { ...handled(context, reading, fileId, counts), force: place.force },
        merged,
      );
      await settleAlerts(session, { ...subjectOf(place), kinds: alertKinds, notes: "the file was taken" });
      return stored;
    });
  }).catch(async (error: unknown) => {
    if (error instanceof DayLost && counts !== undefined)
      error.counts = { lines: counts.lines, preamble: counts.preamble, totals: counts.totals };
    const found = error instanceof CommitUnknown ? await findFileOfRun(database, runId) : null;
    if (found === null) throw error;
    return found;
  });
  // What is stored stays stored, whatever becomes of this.
  await learnSizes(database).catch(() => undefined);
  countFile(row);
  return answerOfRow(context, row, { errors, counts });
}

/** While the work goes on, a cancellation also reaches the statement that Postgres is at. */
export async function cancellable<Result>(
  database: Database,
  session: Session,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  const pid = await backendOf(session);
  const onAbort = () => void cancelBackend(database, pid).catch(() => undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await work();
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function countFile(row: FileRow): void {
  metricMeter
    .createCounter("signal_room_files", "files", "Imported files, by what became of them")
    .add(1, { client: row.client, outcome: "ingested" });
  const rows = metricMeter.createCounter("signal_room_file_rows", "rows", "Rows of files, by what happened to them");
  for (const change of ["inserted", "updated", "unchanged", "superseded", "rejected"] as const)
    rows.add(row[change], { client: row.client, change });
}
