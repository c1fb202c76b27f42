import { z } from "zod";

/** Below the import folder. What lies here has its record, and is not for a watch of the import folder to take. */
export const uploadsRoot = "uploads";

/**
 * An upload is accepted when its record lies beside its bytes in the upload folder of its client: `<importId>.json` and
 * `<importId>.csv` (or `.gz`). The record is written last and says all that an ingest needs, so that one can be started
 * at any time, by whoever finds it.
 */
export const uploadRecord = z.object({
  importId: z.string().regex(/^[0-9a-z]{8,64}$/),
  client: z.string(),
  /** The name of the bytes, in the same folder. */
  file: z.string().regex(/^[0-9a-z]{8,64}\.(csv|gz)$/),
  /** What the sender called it. Shown, never used as a path. */
  fileName: z.string(),
  contentHash: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.number().int(),
  mapping: z.string().nullable(),
  force: z.boolean(),
  by: z.string(),
  acceptedAt: z.string(),
});
export type UploadRecord = z.infer<typeof uploadRecord>;

/** Below the import folder, `/` between its parts. Null for a client that is no name of a folder. */
export function uploadFolder(client: string): string | null {
  return /^[A-Za-z0-9_-]{1,40}$/.test(client) ? `${uploadsRoot}/${client}` : null;
}

/** One upload is one workflow: whoever starts it, the route or a watch of the folder, it runs once. */
export function uploadWorkflowId({ client, importId }: Pick<UploadRecord, "client" | "importId">): string {
  return `ingest/${client}/${importId}`;
}
