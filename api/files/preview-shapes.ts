import { z } from "zod";
import { parseConstants, type Constants } from "../../rules/files/constants.ts";
import { filePreview } from "../../rules/files/preview.ts";
import { instant } from "../server/shapes.ts";
import { plainFields, sums } from "./import-shapes.ts";

export const preview = filePreview.extend({
  sum: sums.nullable(),
  previewId: z.string(),
  state: z.literal("done"),
  name: z.string(),
  bytes: z.number(),
  expiresAt: instant.describe("the file is deleted then unless it is imported"),
  imported: z
    .object({ fileId: z.number() })
    .nullable()
    .describe("the same content was imported before by this mapping: without `force` an import changes nothing"),
});
export const previewUnderWay = z.object({
  previewId: z.string(),
  state: z.literal("running").describe("ask `GET /performance/preview/{id}` again"),
});

/** How the file is to be read, in the address: the same words as in the form of an import. */
export const readAsQuery = plainFields.omit({ force: true });

export const importBody = z.strictObject({
  mapping: z.string().trim().max(300).optional(),
  extends: z.string().trim().max(300).optional(),
  constant: z
    .array(z.string())
    .max(20)
    .transform((typed, context): Constants => {
      const read = parseConstants(typed);
      if ("constants" in read) return read.constants;
      context.addIssue(read.problem);
      return z.NEVER;
    })
    .optional(),
  ignore: z.array(z.string().min(1)).max(1_000).optional(),
  force: z.boolean().default(false),
});
