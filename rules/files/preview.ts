import { z } from "zod";
import { fileFields } from "./header-meanings.ts";

const sentence = z.object({ column: z.string().nullable(), reason: z.string() });

export const previewColumn = z.object({
  name: z.string(),
  use: z
    .enum(["field", "currency", "sameDay", "summed", "ignored", "spare", "nameless", "unknown"])
    .describe("summed: lines that differ only in it are added up; spare: another column says the same"),
  field: z.enum(fileFields).nullable().describe("what it becomes"),
});
export type PreviewColumn = z.infer<typeof previewColumn>;

export const previewLine = z.object({
  line: z.number(),
  cells: z.array(z.string()),
  outcome: z
    .enum(["imported", "rejected", "total"])
    .nullable()
    .describe("null where the header is refused, and no line can be checked"),
  column: z.string().nullable(),
  reason: z.string().nullable(),
});
export type PreviewLine = z.infer<typeof previewLine>;

/** The beginning of a file as an import would read it. */
export const fileHead = z.object({
  encoding: z.string().nullable(),
  delimiter: z.string().nullable(),
  preamble: z.number().describe("lines above the header"),
  headerLine: z.number().nullable(),
  columns: z.array(previewColumn),
  lines: z.array(previewLine).describe("the first twenty"),
  rejects: z.array(sentence.extend({ line: z.number() })).describe("the first hundred rejected lines of what was read"),
  read: z
    .object({ lines: z.number(), rejected: z.number(), totals: z.number(), isAll: z.boolean() })
    .describe("what was read of the file: its first megabyte"),
  sum: z.object({ impressions: z.string(), clicks: z.string(), spend: z.string() }).nullable(),
  days: z.object({ from: z.string().nullable(), to: z.string().nullable() }),
  refusal: sentence.extend({ line: z.number().nullable() }).nullable().describe("why the file would be refused whole"),
});
export type FileHead = z.infer<typeof fileHead>;

const namedMapping = z.object({ name: z.string(), title: z.string() });

/** What lies beside a file that was sent to be looked at, for as long as it does. */
export const filePreview = fileHead.extend({
  mapping: namedMapping.extend({ isRecognised: z.boolean().describe("by its header, and not asked for by name") }),
  mappings: z.array(namedMapping).describe("the mappings that come with the server"),
  constants: z.record(z.string(), z.string()),
  currency: z.string(),
  timezone: z.string(),
  createsCreatives: z
    .boolean()
    .nullable()
    .describe("whether creatives that are not known are created, or their lines rejected; null: a report may name any"),
});
export type FilePreview = z.infer<typeof filePreview>;
