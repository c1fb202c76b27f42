import { randomUUID } from "node:crypto";
import { link, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  differences,
  importIdsOfKey,
  keyRemembersMs,
  uploadRecord,
  type UploadRecord,
} from "../../rules/files/uploads.ts";
import { ApiError } from "../server/errors.ts";
import type { ReceivedFile } from "./receive-upload.ts";
import { diskProblem, folderOf, partial, readRecord, syncFolder, type UploadPlace } from "./upload-folder.ts";

export interface Acceptance {
  client: string;
  by: string;
  mapping: string | null;
  constants?: Record<string, string> | undefined;
  ignore?: string[] | undefined;
  force: boolean;
  /** The same key is the same upload. */
  idempotencyKey: string | null;
  now: Date;
}

/**
 * Gives a received file a name of its own and then links its record, which is the one moment at which it is accepted:
 * before it there is nothing, whatever happens to us, and of two requests with one key the first link wins. A key that was
 * used before gives the record that it made; with another request it is a conflict.
 */
export async function acceptUpload(
  received: ReceivedFile,
  { importDir }: Pick<UploadPlace, "importDir">,
  acceptance: Acceptance,
): Promise<{ record: UploadRecord; isNew: boolean }> {
  const { client, by, mapping, constants, ignore, force, idempotencyKey, now } = acceptance;
  const { path: arrived, fileName, contentHash, bytes, isGzip } = received;
  const folder = folderOf(importDir, client);
  const random = () => randomUUID().replaceAll("-", "");
  const ids = idempotencyKey === null ? [random()] : importIdsOfKey(client, idempotencyKey, now);
  const [importId = ""] = ids;
  const record: UploadRecord = uploadRecord.parse({
    importId,
    client,
    file: `${importId}-${random().slice(0, 16)}.${isGzip ? "gz" : "csv"}`,
    fileName,
    contentHash,
    bytes,
    mapping,
    constants,
    ignore,
    force,
    by,
    acceptedAt: now.toISOString(),
  });
  const data = path.join(folder, record.file);
  const draft = path.join(folder, `.${randomUUID()}${partial}`);
  let isAccepted = false;
  try {
    for (const earlier of ids) {
      const known = await readRecord(folder, earlier);
      if (known !== null && now.getTime() - Date.parse(known.acceptedAt) < keyRemembersMs) return repeat(known, record);
    }
    await rename(arrived, data);
    await writeFile(draft, JSON.stringify(record), { flag: "wx", mode: 0o640, flush: true });
    await syncFolder(folder);
    isAccepted = await linkNew(draft, path.join(folder, `${importId}.json`));
    const first = isAccepted ? null : await readRecord(folder, importId);
    if (first !== null) return repeat(first, record);
    await syncFolder(folder);
    return { record, isNew: true };
  } catch (error) {
    throw diskProblem(error);
  } finally {
    await rm(draft, { force: true });
    await rm(arrived, { force: true });
    if (!isAccepted) await rm(data, { force: true });
  }
}

/** False when the name is taken. */
async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function repeat(known: UploadRecord, given: UploadRecord): { record: UploadRecord; isNew: boolean } {
  const differ = differences(known, given);
  if (differ.length > 0)
    throw new ApiError("conflict", `this Idempotency-Key came with another ${differ.join(", ")} before`);
  return { record: known, isNew: false };
}
