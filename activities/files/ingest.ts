import { maskContacts } from "../../core/personal.ts";
import type { IngestInput } from "./input.ts";
import { noteIngestFailure } from "./note-ingest-failure.ts";
import { createRedriveActivities } from "./redrive.ts";
import { refreshClients } from "./refresh-clients.ts";
import type { FilesContext } from "./shapes.ts";
import { takeFile } from "./take-file.ts";
import { createWatchActivities } from "./watch.ts";

/** The activities of files: import one, look for new ones, re-process what was quarantined, recompute the roll-ups. */
export function createIngestActivities(given: FilesContext) {
  // A cell can hold anything: what is said of it names no person.
  const context: FilesContext = { ...given, redact: (text) => maskContacts(given.redact(text)) };
  return {
    ...createWatchActivities(context),
    ...createRedriveActivities(context),
    takeFile: (input: IngestInput) => takeFile(context, input),
    noteIngestFailure: (failed: Parameters<typeof noteIngestFailure>[1]) => noteIngestFailure(context, failed),
    refreshClients: (input: { client?: string }) => refreshClients(context, input),
  };
}
