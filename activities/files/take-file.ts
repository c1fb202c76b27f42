import { changed, FileProblem } from "../../connectors/files/file-places.ts";
import { FileRefused } from "../../connectors/files/performance-file.ts";
import { FileAlreadyIngested, findFileOfRun, findIngestedFile } from "../../queries/files/files.ts";
import { DayLost } from "../../queries/files/report-losses.ts";
import { UnknownSeat } from "../../queries/rtb/seats.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import type { IngestAnswer, LineError } from "../../rules/files/ingest-answer.ts";
import { checkedInput } from "../shared/input.ts";
import { runOf } from "../shared/run-of.ts";
import { answerOfReading, answerOfRow } from "./answer.ts";
import { checkOnly } from "./check-only.ts";
import { endingUnknown } from "./ending-unknown.ts";
import { ingestShape, withHeartbeat, type IngestInput } from "./input.ts";
import { mappingGivenFor, mappingOpened } from "./mapping.ts";
import { openPlace, placeOf } from "./places.ts";
import { hashOf, type Hashed } from "./read-checked.ts";
import { refuseFile, type Refusal } from "./refuse-file.ts";
import { shownReason, type FilesContext, type IngestProgress, type Taking } from "./shapes.ts";
import { storeFile } from "./store-file.ts";

/** Reads, checks and merges one file in one transaction with its receipt; a known one is only looked up. */
export async function takeFile(context: FilesContext, input: IngestInput): Promise<IngestAnswer> {
  const { database, config, redact } = context;
  const { runId } = runOf();
  const progress: IngestProgress = { phase: "hashing", bytes: 0, ofBytes: 0, lines: 0 };
  return endingUnknown(progress, () =>
    withHeartbeat(progress, redact, async (signal) => {
      const earlier = await findFileOfRun(database, runId);
      if (earlier !== null && input?.dryRun !== true) return answerOfRow(context, earlier);
      const place = await placeOf(config, checkedInput(ingestShape, input));
      const given = await mappingGivenFor(config, place);
      const opened = await openPlace(config, place, signal);
      try {
        const mapping = await mappingOpened(config, { given, place, opened, signal });
        return await takeOpened(context, { place, mapping, opened, progress, signal });
      } finally {
        await opened.close();
      }
    }),
  );
}

async function takeOpened(context: FilesContext, taking: Taking): Promise<IngestAnswer> {
  const { database } = context;
  const { place, mapping, opened, progress } = taking;
  const startedAt = await databaseNow(database);
  progress.ofBytes = opened.bytes;
  let refusal: Refusal;
  const errors: LineError[] = [];
  let digest = "";
  try {
    const storedAs = (sha256: string) => {
      const { name, version } = mapping.mapping;
      return findIngestedFile(database, { client: place.client, sha256, mapping: name, mappingVersion: version });
    };
    // What its sender has hashed, and nobody has stored, is hashed as it is read.
    const isNew = place.expectedHash !== null && (await storedAs(place.expectedHash)) === null;
    const hashed: Hashed =
      isNew && place.expectedHash !== null
        ? { digest: place.expectedHash, mostRecords: null }
        : await hashOf(taking, progress);
    digest = hashed.digest;
    if (place.expectedHash !== null && place.expectedHash !== digest) throw changed(opened.name);
    const known = isNew ? null : await storedAs(digest);
    if (known !== null && !place.force && !place.dryRun) return await answerOfRow(context, known, { isKnown: true });
    const reading = { ...taking, ...hashed, startedAt, errors };
    if (!place.dryRun) return await storeFile(context, reading);
    const counts = await checkOnly(context, reading);
    return answerOfReading(reading, { outcome: "checked", counts, errors, reason: null });
  } catch (error) {
    if (error instanceof FileAlreadyIngested) {
      // A timed-out attempt of this run that committed after all counts as this run's.
      const isKnown = error.file.runId !== runOf().runId;
      return answerOfRow(context, error.file, { isKnown });
    }
    if (error instanceof DayLost || error instanceof UnknownSeat)
      refusal = { reason: error.message, counts: error instanceof DayLost ? error.counts : {}, errors };
    else if (error instanceof FileRefused)
      refusal = { reason: whereAnd(error), counts: error.counts, errors: [...errors, ...errorAt(error)] };
    else if (error instanceof FileProblem && error.kind === "content")
      refusal = { reason: error.message, counts: {}, errors };
    else throw error;
  }
  return refuseFile(context, taking, { ...refusal, digest, startedAt });
}

function whereAnd({ line, column, message }: FileRefused): string {
  if (line === null || message.startsWith(`line ${line}`)) return message;
  return `line ${line}${column === null ? "" : `, column ${column}`}: ${message}`;
}

function errorAt({ line, column, message }: FileRefused): LineError[] {
  if (line === null) return [];
  return [{ line, column, reason: message.replace(`line ${line}: `, "").slice(0, shownReason) }];
}
