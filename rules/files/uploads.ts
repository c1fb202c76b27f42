import { z } from "zod";
import { sha256 } from "../../core/crypto.ts";

/** Below the import folder. What lies here has its record, and is not for a watch of the import folder to take. */
export const uploadsRoot = "uploads";

const id = "[0-9a-z]{8,64}";
const dataName = new RegExp(`^(${id})(-[0-9a-z]{8,32})?\\.(csv|gz)$`);
const dayMs = 86_400_000;

/**
 * An upload is accepted when its record `<importId>.json` lies in the upload folder of its client. The bytes lie beside it
 * before, under the name that the record says. The record says all that an ingest needs, so that one can be started at any
 * time, by whoever finds it. Bytes without a record are no upload.
 */
export const uploadRecord = z.object({
  importId: z.string().regex(new RegExp(`^${id}$`)),
  client: z.string(),
  /** The name of the bytes, in the same folder. */
  file: z.string().regex(dataName),
  /** What the sender called it. Shown, never used as a path. */
  fileName: z.string(),
  contentHash: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.number().int(),
  mapping: z.string().nullable(),
  /** What was said beside the mapping: values of fields that the file has no column for, and columns to be left out. */
  constants: z.record(z.string(), z.string()).optional(),
  ignore: z.array(z.string()).optional(),
  force: z.boolean(),
  by: z.string(),
  acceptedAt: z.string(),
});
export type UploadRecord = z.infer<typeof uploadRecord>;

/** Below the import folder, `/` between its parts. Null for a client that is no name of a folder. */
export function uploadFolder(client: string): string | null {
  return /^[A-Za-z0-9_-]{1,40}$/.test(client) ? `${uploadsRoot}/${client}` : null;
}

/** The import that a file of bytes came for; null when it is none. */
export function importIdOfData(file: string): string | null {
  return dataName.exec(file.split("/").at(-1) ?? "")?.[1] ?? null;
}

/** How long an Idempotency-Key stands for its upload. */
export const keyRemembersMs = dayMs;

/**
 * The imports that an Idempotency-Key may stand for: the one it makes now, and the one it made yesterday. A key that is
 * used again after its time makes another import, because the workflow of the first one is done.
 */
export function importIdsOfKey(client: string, key: string, now: Date): [current: string, earlier: string] {
  const idOn = (day: number) => sha256(JSON.stringify(["upload", client, key, day])).slice(0, 32);
  const today = Math.floor(now.getTime() / dayMs);
  return [idOn(today), idOn(today - 1)];
}

/** What the requests of one key must agree in. */
export type UploadRequest = Pick<
  UploadRecord,
  "contentHash" | "fileName" | "mapping" | "constants" | "ignore" | "force"
>;

const requestParts: Record<keyof UploadRequest, string> = {
  contentHash: "file",
  fileName: "file name",
  mapping: "mapping",
  constants: "constant",
  ignore: "ignore",
  force: "force",
};

/** In what two requests differ, in words of the form. */
export function differences(one: UploadRequest, other: UploadRequest): string[] {
  const said = (request: UploadRequest, part: string) => JSON.stringify(request[part as keyof UploadRequest]);
  return Object.entries(requestParts).flatMap(([part, word]) => (said(one, part) === said(other, part) ? [] : [word]));
}

/** An upload without a write for this long belongs to a process that has ended. */
export const abandonedMs = dayMs;

/**
 * Of the names in an upload folder, those that no record stands for: what was cut off half way. `dataOf` is the name of the
 * bytes by import; null for a record that cannot be read, which says nothing about what is whose.
 */
export function withoutRecord(names: readonly string[], dataOf: ReadonlyMap<string, string | null>): string[] {
  return names.filter((name) => {
    if (name.endsWith(".part")) return true;
    const mappingOf = /^([0-9a-z]{8,64})\.mapping\.json$/.exec(name)?.[1];
    if (mappingOf !== undefined) return !dataOf.has(mappingOf);
    const importId = importIdOfData(name);
    if (importId === null) return false;
    const data = dataOf.get(importId);
    return data !== null && data !== name;
  });
}

/** The import that a file is the record of; null when it is no record. */
export function importIdOfRecord(name: string): string | null {
  return /^([0-9a-z]{8,64})\.json$/.exec(name)?.[1] ?? null;
}
