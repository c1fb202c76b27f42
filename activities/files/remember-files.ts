import { rememberFiles as remember, type WatchedFile } from "../../queries/files/ingest.ts";
import type { FilesContext } from "./shapes.ts";
import { withHeartbeat } from "./input.ts";

/** Files that were dealt with, whatever the outcome, are passed by until they change. */
export async function rememberFiles(
  { database, redact }: FilesContext,
  files: (WatchedFile & { outcome: string; workflowId: string })[],
): Promise<void> {
  await withHeartbeat({}, redact, () => remember(database, files));
}
