import { z } from "zod";
import type { Config } from "../../settings/config.ts";
import type { ClientIngestSettings } from "../../settings/files.ts";
import type { Redact } from "../../core/redact.ts";
import { FileProblem } from "../../connectors/files/file-places.ts";
import type { Constants } from "../../rules/files/constants.ts";
import { fileFields } from "../../rules/files/header-meanings.ts";
import { typedFlag, typedId, typedText } from "../../core/typed.ts";
import { invalidInput } from "../shared/failures.ts";
import { unknownClient } from "../shared/input.ts";
import { withHeartbeat as beating } from "../shared/with-heartbeat.ts";

/** What a person types to have a file taken: `{"path": "713/google/2025-12-18.csv"}` or `{"url": "s3://reports/day.csv"}`. */
export interface IngestInput {
  client?: string;
  /** Found out from the path or url when left out. */
  place?: "import" | "upload" | "s3";
  /** Below the import folder. */
  path?: string;
  url?: string;
  /** A mapping that comes with the code, or a mapping file below the import folder. */
  mapping?: string;
  /** Instead of `mapping`: the one that constants and ignore extend. */
  extends?: string;
  /** What a field is where the file has no column for it, beside what the mapping says: `{"clicks": "0"}`. */
  constants?: Constants;
  /** Columns that are left out, beside those of the mapping; `*` at the end stands for any ending. */
  ignore?: string[];
  /** Take it again although the same content was taken before. */
  force?: boolean;
  /** Only read and check. */
  dryRun?: boolean;
}

export const ingestShape = z.strictObject({
  client: typedId.optional(),
  place: z.enum(["import", "upload", "s3"], { error: "must be import, upload or s3" }).optional(),
  path: typedText.optional(),
  url: typedText.optional(),
  mapping: typedText.optional(),
  extends: typedText.optional(),
  constants: z
    .partialRecord(z.enum(fileFields, { error: `is no field: there are ${fileFields.join(", ")}` }), typedText)
    .optional(),
  ignore: z.array(typedText).max(1_000).optional(),
  force: typedFlag.optional(),
  dryRun: typedFlag.optional(),
});

export const clientShape = z.strictObject({ client: typedId.optional() });

export function settingsOf(config: Pick<Config, "clients" | "ingest">, client: string): ClientIngestSettings {
  const settings = config.ingest.clients.get(client);
  if (settings === undefined) throw unknownClient(config, client);
  return settings;
}

/** Beats once a second with how far the work is, and translates what goes wrong. */
export function withHeartbeat<Result>(
  progress: object,
  redact: Redact,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const translate = (error: unknown) => (error instanceof FileProblem ? invalidInput(redact(error.message)) : error);
  return beating({ place: "ingest", redact, progress, everyMs: 1_000, translate }, work);
}
