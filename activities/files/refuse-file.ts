import { metricMeter } from "@temporalio/activity";
import { maskName, maskPath } from "../../core/personal.ts";
import type { FileCounts } from "../../connectors/files/performance-file.ts";
import { recordRefused, takeFileId } from "../../queries/files/files.ts";
import { raiseAlert } from "../../queries/ops/alerts.ts";
import type { IngestAnswer, LineError } from "../../rules/files/ingest-answer.ts";
import { inTransaction } from "../../schema/database.ts";
import { answerOfReading, answerOfRow } from "./answer.ts";
import { handled, subjectOf } from "./handled-file.ts";
import type { FilesContext, Taking } from "./shapes.ts";

export interface Refusal {
  reason: string;
  counts: Partial<FileCounts>;
  errors: LineError[];
}

/** Nothing of it is stored; that it was refused, and why, is. */
export async function refuseFile(
  context: FilesContext,
  taking: Taking,
  refusal: Refusal & { digest: string; startedAt: Date },
): Promise<IngestAnswer> {
  const { database, redact } = context;
  const { place } = taking;
  const { counts, digest, startedAt, errors } = refusal;
  // An upload lies under a number that means nothing to whoever sent it.
  const reason = redact(maskName(refusal.reason.replaceAll(taking.opened.name, place.name))).slice(0, 1_000);
  if (place.dryRun) return answerOfReading(taking, { outcome: "refused", counts, errors, reason });
  const fileId = await takeFileId(database);
  const row = await inTransaction(database, async (session) => {
    const file = handled(context, { ...taking, digest, startedAt }, fileId, counts);
    const recorded = await recordRefused(session, file, reason);
    await raiseAlert(session, {
      ...subjectOf(place),
      kind: "file_refused",
      severity: "warning",
      message: `${place.place === "upload" ? place.name : maskPath(taking.opened.name)} was refused, nothing of it is stored: ${reason}`,
      details: { fileId: recorded.fileId, path: maskPath(place.path), mapping: taking.mapping.mapping.name },
    });
    return recorded;
  });
  metricMeter
    .createCounter("signal_room_files", "files", "Imported files, by what became of them")
    .add(1, { client: place.client, outcome: "refused" });
  return answerOfRow(context, row, { errors, counts });
}
