import { maskContacts } from "../../core/personal.ts";
import type { IngestInput } from "./input.ts";
import { lookForFiles } from "./look-for-files.ts";
import { noteIngestFailure } from "./note-ingest-failure.ts";
import { planRedrive, type RedriveInput } from "./plan-redrive.ts";
import { previewDraft, type PreviewInput } from "./preview-draft.ts";
import { redriveLines } from "./redrive-lines.ts";
import { refreshClients } from "./refresh-clients.ts";
import { rememberFiles } from "./remember-files.ts";
import type { FilesContext } from "./shapes.ts";
import { sweepUploads } from "./sweep-uploads.ts";
import { takeFile } from "./take-file.ts";

/** The activities of files: import one, read the head of one, look for new ones, re-process what was quarantined, recompute the roll-ups. */
export function createIngestActivities(given: FilesContext) {
  // A cell can hold anything: what is said of it names no person.
  const context: FilesContext = { ...given, redact: (text) => maskContacts(given.redact(text)) };
  return {
    lookForFiles: () => lookForFiles(context),
    rememberFiles: (files: Parameters<typeof rememberFiles>[1]) => rememberFiles(context, files),
    sweepUploads: () => sweepUploads(context),
    planRedrive: (input: RedriveInput) => planRedrive(context, input),
    redriveLines: (of: { client: string; fileId: number; after: number }) => redriveLines(context, of),
    takeFile: (input: IngestInput) => takeFile(context, input),
    previewDraft: (input: PreviewInput) => previewDraft(context, input),
    noteIngestFailure: (failed: Parameters<typeof noteIngestFailure>[1]) => noteIngestFailure(context, failed),
    refreshClients: (input: { client?: string }) => refreshClients(context, input),
  };
}

/** What workflows may call. */
export type IngestActivities = ReturnType<typeof createIngestActivities>;
