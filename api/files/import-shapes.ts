import { z } from "zod";
import { baseMapping } from "../../rules/files/base-mapping.ts";
import { parseConstants, type Constants } from "../../rules/files/constants.ts";
import { ApiError } from "../server/errors.ts";
import { word } from "../server/lists.ts";
import { instant, money, storedOrigin } from "../server/shapes.ts";

const digits = z.string().describe("a whole number with every digit");
export const sums = z.object({ impressions: digits, clicks: digits, spend: money });
export const answer = z.object({
  status: z
    .enum(["ingested", "already_ingested", "refused", "checked"])
    .describe("already_ingested: the same content was imported before; nothing was written now"),
  fileId: z.number().nullable().describe("the file's number in ops.files"),
  name: z.string(),
  mapping: z.string(),
  bytes: z.number(),
  lines: z.number().describe("data lines: inserted, updated, unchanged, combined, superseded and rejected ones"),
  imported: z.number().describe("lines whose amounts are stored now"),
  skipped: z.number().describe("lines whose amounts are not stored: superseded or rejected"),
  inserted: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  removed: z.number().describe("rows of earlier files that it took away, because they split its days by other columns"),
  combined: z.number().describe("lines that were added to another of the same key"),
  superseded: sums.extend({ lines: z.number() }).describe("lines overwritten by a later one of the same key"),
  rejected: z.number(),
  errors: z
    .array(z.object({ line: z.number(), column: z.string().nullable(), reason: z.string() }))
    .describe("the first hundred rejected lines; all are in the quarantine"),
  sums,
  days: z.object({ from: z.string().nullable(), to: z.string().nullable() }),
  replacedSince: z.number().describe("rows of this file that later files have replaced"),
  reason: z
    .string()
    .nullable()
    .describe(
      "why it was refused; when it was ingested before and later files have replaced its rows: which, and how to restore them",
    ),
  warning: z
    .string()
    .nullable()
    .describe(
      "what to look at although it is stored: days that another file splits by other columns, counts that are hardly so",
    ),
  preamble: z.number(),
  totals: z.number(),
  origin: storedOrigin
    .nullable()
    .describe("sandbox: it is about made-up creatives alone; null when nothing was written"),
  summedOver: z.array(z.string()).describe("columns that are not stored: lines that differ only in them are added up"),
  encoding: z.string().nullable(),
  delimiter: z.string().nullable().describe("`json` for a file of JSON records"),
});
const importId = z.string().describe("`GET /performance/imports/{id}` shows its result");
const state = z.enum(["accepted", "running", "done", "failed"]);
export const done = answer.extend({ importId });
export const underWay = z.object({
  importId,
  state: state.describe("accepted: the file is safe on disk and is imported as soon as possible"),
});
const progress = z.object({ phase: z.string(), bytes: z.number(), ofBytes: z.number(), lines: z.number() });
export const status = z.object({
  importId,
  name: z.string(),
  acceptedAt: instant.nullable().describe("null for a file that was not uploaded"),
  state,
  progress: progress.nullable(),
  reason: z.string().nullable().describe("why it failed"),
  source: z.string().nullable().describe("rtb.performance, or the table of a report; null before it has ended"),
  answer: answer.nullable(),
  workflow: z
    .object({ workflowId: z.string(), runId: z.string().nullable().describe("null before it has ended") })
    .describe("what reads it, or has read it"),
});
export const listedImport = answer.omit({ errors: true, summedOver: true, encoding: true, delimiter: true }).extend({
  importId,
  source: z.string().describe("what it is: rtb.performance, or the table of a report"),
  place: z.enum(["upload", "import", "s3", "warehouse", "stream"]),
  isRepeat: z.boolean().describe("true when the same content had been imported before and `force` was set"),
  committedAt: instant,
});

export const fileTotals = z.object({
  files: z.number(),
  refused: z.number(),
  lines: z.number(),
  imported: z.number().describe("lines whose amounts are stored"),
  rejected: z.number(),
});

export const historyDay = z.object({
  date: z.string(),
  written: z.number().describe("rows that it wrote or found as they were"),
  inserted: z.number().nullable().describe("null for a report, as what follows: only rows are recorded of its days"),
  updated: z.number().nullable(),
  confirmed: z.number().nullable().describe("rows that were the same already"),
  takenOver: z.number().describe("rows it wrote that later files have replaced"),
  spendBefore: money.nullable().describe("of the rows it changed, before"),
  spendAfter: money.nullable().describe("of the rows it wrote or confirmed, after"),
  spendTakenOver: money.nullable().describe("of the rows that later files have replaced"),
  laterFiles: z.array(z.number()).describe("later files that wrote to the same day"),
});

/** For the documentation; the body is a stream, and is checked as it comes. */
export const form = z.object({
  file: z.file().describe("CSV, or JSON records in a list or one a line; also gzipped"),
  mapping: z
    .string()
    .optional()
    .describe(
      "a mapping that comes with the server, or a mapping file of the import folder; without one the file is recognised by its header",
    ),
  extends: z
    .string()
    .optional()
    .describe("instead of `mapping`: the mapping that `constant` and `ignore` extend for this file"),
  constant: z
    .array(z.string())
    .optional()
    .describe(
      "`field=value`, can be repeated: the value of a field that the file has no column for, such as `clicks=0`",
    ),
  ignore: z.array(z.string()).optional().describe("columns to leave out; `*` at the end stands for any ending"),
  force: z
    .enum(["true", "false"])
    .optional()
    .describe(
      "import it again although the same content was imported before, and also where a report takes away most of a day that earlier files split by other columns",
    ),
});
const mapping = z
  .string()
  .trim()
  .max(300)
  .regex(/^[\w./ -]*$/, "must be the name of a mapping")
  .transform((name) => (name === "" ? null : name))
  .nullable()
  .default(null);
const several = z.union([z.string().transform((one) => [one]), z.array(z.string())]).optional();
const constant = several.transform((typed, context): Constants | undefined => {
  if (typed === undefined) return undefined;
  const read = parseConstants(typed);
  if ("constants" in read) return read.constants;
  context.addIssue(read.problem);
  return z.NEVER;
});
export const plainFields = z.strictObject({
  mapping,
  extends: mapping,
  constant,
  ignore: several,
  force: z.enum(["true", "false"], "must be true or false").default("false"),
});
/** Checked as a whole while the file can still be deleted. */
export const fields = plainFields.superRefine((asked, context) => {
  const base = baseMapping(asked);
  if ("problem" in base) context.addIssue({ code: "custom", path: ["extends"], message: base.problem });
});
/** The mapping that was asked for, whichever way. */
export function mappingIn(asked: Parameters<typeof baseMapping>[0]): string | null {
  const base = baseMapping(asked);
  if ("mapping" in base) return base.mapping;
  throw new ApiError("validation_error", "the mapping is not valid", { extends: base.problem });
}

export const idempotencyKey = z.object({
  "idempotency-key": word
    .optional()
    .describe("the same key with the same request gives the first answer again, for a day"),
});
