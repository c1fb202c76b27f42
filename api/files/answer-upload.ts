import type { FastifyBaseLogger } from "fastify";
import { besideReason } from "../../rules/files/refusal.ts";
import type { UploadRecord } from "../../rules/files/uploads.ts";
import { ApiError, Unavailable } from "../server/errors.ts";
import type { ServerParts } from "../server/parts.ts";
import { ingestUpload, type ImportAnswer } from "./imports.ts";

type Answered =
  | { code: 200; body: ImportAnswer & { importId: string } }
  | { code: 202; body: { importId: string; state: "running" | "accepted" } };

/** What became of an accepted upload, if it is done soon; a refused one is thrown. */
export async function answerUpload(
  parts: Pick<ServerParts, "config" | "temporal" | "reading">,
  upload: UploadRecord,
  log: FastifyBaseLogger,
): Promise<Answered> {
  const { importId } = upload;
  try {
    const outcome = await ingestUpload(parts, upload);
    if (!outcome.done) return { code: 202, body: { importId, state: "running" } };
    if (outcome.result.status === "refused") throw refused(outcome.result);
    return { code: 200, body: { ...outcome.result, importId } };
  } catch (error) {
    // Accepted is accepted: whoever looks through the uploads starts it.
    if (!(error instanceof Unavailable)) throw error;
    log.warn({ importId, error: error.message }, "an upload waits to be started");
    return { code: 202, body: { importId, state: "accepted" } };
  }
}

/** The house's shape of an error, with each line that was the reason. */
function refused({ reason, errors }: Pick<ImportAnswer, "reason" | "errors">): ApiError {
  const lines = besideReason(reason, errors)
    .slice(0, 50)
    .map(({ line, column, reason: why }) => [column === null ? `line ${line}` : `line ${line}, ${column}`, why]);
  return new ApiError("validation_error", `the file was refused, nothing of it is stored: ${reason ?? ""}`, {
    file: reason ?? "is not valid",
    ...(Object.fromEntries(lines) as Record<string, string>),
  });
}
