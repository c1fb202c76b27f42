import { activityInfo, cancellationSignal, heartbeat } from "@temporalio/activity";
import { z } from "zod";
import type { Config } from "../../settings/config.ts";
import type { ClientIngestSettings } from "../../settings/files.ts";
import type { Redact } from "../../core/redact.ts";
import { FileProblem } from "../../connectors/files/file-places.ts";
import { invalidInput, toFailure } from "../shared/failures.ts";

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
  /** Take it again although the same content was taken before. */
  force?: boolean;
  /** Only read and check. */
  dryRun?: boolean;
}

const text = z.string().min(1, "is empty").max(2_000, "is too long");
const flag = z.boolean({ error: "must be true or false" });
export const ingestShape = z.strictObject({
  client: text.optional(),
  place: z.enum(["import", "upload", "s3"], { error: "must be import, upload or s3" }).optional(),
  path: text.optional(),
  url: text.optional(),
  mapping: text.optional(),
  force: flag.optional(),
  dryRun: flag.optional(),
});

export const clientShape = z.strictObject({ client: text.optional() });

/** The run that the ledger knows a file by: its attempts share it. */
export function runOf(): { workflowId: string; runId: string } {
  const { workflowId = "", runId = "" } = activityInfo().workflowExecution ?? {};
  return { workflowId, runId };
}

/** Input that a person typed, or a message that says what to change. */
export function checkedInput<Shape>(shape: z.ZodType<Shape>, input: unknown): Shape {
  const parsed = shape.safeParse(input);
  if (parsed.success) return parsed.data;
  throw invalidInput(
    parsed.error.issues
      .map((issue) =>
        issue.code === "unrecognized_keys"
          ? `unknown field ${issue.keys.join(", ")}`
          : `${issue.path.join(".") || "input"}: ${issue.message}`,
      )
      .join("; "),
  );
}

export function clientNamed(config: Pick<Config, "clients">, client: string): string {
  if (config.clients.includes(client)) return client;
  throw invalidInput(`unknown client "${client}": there are ${config.clients.join(", ")} (the setting CLIENTS)`);
}

export function settingsOf(config: Pick<Config, "ingest">, client: string): ClientIngestSettings {
  const settings = config.ingest.clients.get(client);
  if (settings === undefined) throw invalidInput(`unknown client "${client}" (the setting CLIENTS)`);
  return settings;
}

/** Beats once a second with how far the work is, and translates what goes wrong. */
export async function withHeartbeat<Result>(
  progress: object,
  redact: Redact,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const signal = cancellationSignal();
  const beat = setInterval(() => heartbeat(progress), 1_000);
  try {
    return await work(signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof FileProblem) throw invalidInput(redact(error.message));
    throw toFailure(error, { place: "ingest", redact });
  } finally {
    clearInterval(beat);
  }
}

/** Marks content that is not the line as it was, because it was too long or had a NUL: such a line cannot be read again. */
export const notWhole = "… [not the whole line]";
