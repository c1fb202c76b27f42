import { z } from "zod";
import { sha256 } from "../../core/crypto.ts";
import { uploadRecord } from "./uploads.ts";

/**
 * A file that was sent to be looked at. It lies in the upload folder of its client as an upload does, and no record of an
 * upload stands for it: nothing imports it, and what clears files that were never accepted deletes it after a day. Its own
 * record and its previews lie beside it under names that are cleared likewise.
 */
export const draftRecord = uploadRecord
  .pick({ client: true, file: true, fileName: true, contentHash: true, bytes: true, by: true })
  .extend({ draftId: uploadRecord.shape.importId, isGzip: z.boolean(), receivedAt: z.string() });
export type DraftRecord = z.infer<typeof draftRecord>;

/** How a person wants a file to be read. */
export interface ReadAs {
  mapping: string | null;
  constants: Record<string, string>;
  ignore: readonly string[];
}

export const draftId = z.string().regex(/^[0-9a-f]{32}$/, "is no preview's id");

export const draftName = (id: string) => `${id}.draft.part`;

/** Each way to read a file has a preview of its own. */
export function previewKey({ mapping, constants, ignore }: ReadAs): string {
  return sha256(JSON.stringify([mapping, Object.entries(constants).sort(), [...ignore].sort()])).slice(0, 16);
}

export const previewName = (id: string, key: string) => `${id}.${key}.preview.part`;
