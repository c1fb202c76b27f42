import { open, readdir, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import {
  abandonedMs,
  importIdOfRecord,
  uploadFolder,
  uploadRecord,
  uploadsRoot,
  withoutRecord,
  type UploadRecord,
} from "../../rules/files/uploads.ts";
import { notFound, Unavailable } from "../server/errors.ts";

export interface UploadPlace {
  importDir: string;
  limitBytes: number;
}

/** What is on its way to its name ends like this. */
export const partial = ".part";

export function folderOf(importDir: string, client: string): string {
  const folder = uploadFolder(client);
  if (folder === null) throw notFound("client");
  return path.join(importDir, folder);
}

/** Null when this client has no such upload. */
export async function findUpload(
  { importDir }: Pick<UploadPlace, "importDir">,
  { client, importId }: { client: string; importId: string },
): Promise<UploadRecord | null> {
  const folder = uploadFolder(client);
  return folder === null ? null : readRecord(path.join(importDir, folder), importId);
}

export async function readRecord(folder: string, importId: string): Promise<UploadRecord | null> {
  if (!uploadRecord.shape.importId.safeParse(importId).success) return null;
  try {
    return uploadRecord.parse(JSON.parse(await readFile(path.join(folder, `${importId}.json`), "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Deletes what killed processes left of uploads that were never accepted. Those under way are younger. */
export async function clearAbandoned({ importDir }: Pick<UploadPlace, "importDir">, now: number): Promise<number> {
  const root = path.join(importDir, uploadsRoot);
  let cleared = 0;
  for (const client of await readdir(root).catch(() => [])) {
    const folder = path.join(root, client);
    for (const name of await abandonedIn(folder)) {
      const found = await stat(path.join(folder, name)).catch(() => null);
      if (found === null || now - found.mtimeMs < abandonedMs) continue;
      await rm(path.join(folder, name), { force: true });
      cleared += 1;
    }
  }
  return cleared;
}

async function abandonedIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const dataOf = new Map<string, string | null>();
  for (const name of names) {
    const importId = importIdOfRecord(name);
    if (importId === null) continue;
    const record = await readRecord(folder, importId).catch(() => null);
    dataOf.set(importId, record?.file ?? null);
  }
  return withoutRecord(names, dataOf);
}

/** A name is safe once its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What is wrong with the disk, as an answer; anything else as it is. */
export function diskProblem(error: unknown): unknown {
  const { code } = error as { code?: unknown };
  if (code === "ENOSPC" || code === "EDQUOT") return noRoom(error);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return new Unavailable("uploads cannot be kept: the import folder is not ours to write to", error);
  return error;
}

export const noRoom = (cause?: unknown) => new Unavailable("there is no room for uploads now; try again later", cause);
