import { maskName, maskPath } from "../../core/personal.ts";
import { raiseAlert } from "../../queries/ops/alerts.ts";
import { guardedBy } from "../shared/failures.ts";
import type { IngestInput } from "./input.ts";
import type { FilesContext } from "./shapes.ts";

/** Raises one alert for a file that could not be imported, however often it fails. */
export async function noteIngestFailure(
  { database, config, redact }: FilesContext,
  failed: { input: IngestInput; type: string; reason: string },
): Promise<void> {
  const { input, type, reason } = failed;
  const path = input.url ?? input.path ?? "file";
  const name = maskPath(path);
  await guardedBy(redact)(`file ${name}`, async () => {
    await raiseAlert(database, {
      client: config.clients.includes(input.client ?? "") ? (input.client ?? "") : (config.clients[0] ?? ""),
      area: "ingest",
      kind: "ingest_failed",
      subject: name.slice(0, 500),
      severity: type === "CredentialsRejected" ? "critical" : "warning",
      message: redact(`${name}: ${maskName(reason.replaceAll(path, name))}`).slice(0, 1_000),
      details: { type },
    });
  });
}
