import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { draftId, draftName, draftRecord, previewName, type DraftRecord } from "../../rules/files/drafts.ts";
import { filePreview, type FilePreview } from "../../rules/files/preview.ts";
import { notFound } from "../server/errors.ts";
import type { ReceivedFile } from "./receive-upload.ts";
import { diskProblem, folderOf, partial, syncFolder, type UploadPlace } from "./upload-folder.ts";

type Place = Pick<UploadPlace, "importDir">;

/** Keeps a received file to be looked at. Nothing imports it; after a day it is cleared with what was never accepted. */
export async function keepDraft(
  { path: arrived, fileName, contentHash, bytes, isGzip }: ReceivedFile,
  { importDir }: Place,
  { client, by }: { client: string; by: string },
): Promise<DraftRecord> {
  const folder = folderOf(importDir, client);
  const id = randomUUID().replaceAll("-", "");
  const file = `${id}-${randomUUID().replaceAll("-", "").slice(0, 16)}.${isGzip ? "gz" : "csv"}`;
  const record = { draftId: id, client, file, fileName, contentHash, bytes, isGzip, by };
  const draft: DraftRecord = draftRecord.parse({ ...record, receivedAt: new Date().toISOString() });
  const half = path.join(folder, `.${randomUUID()}${partial}`);
  try {
    await rename(arrived, path.join(folder, file));
    await writeFile(half, JSON.stringify(draft), { flag: "wx", mode: 0o640, flush: true });
    await rename(half, path.join(folder, draftName(id)));
    await syncFolder(folder);
    return draft;
  } catch (error) {
    await Promise.all([arrived, half, path.join(folder, file)].map((name) => rm(name, { force: true })));
    throw diskProblem(error);
  }
}

export async function findDraft({ importDir }: Place, of: { client: string; id: string }): Promise<DraftRecord> {
  const text = draftId.safeParse(of.id).success
    ? await readOurs(path.join(folderOf(importDir, of.client), draftName(of.id)))
    : null;
  if (text === null) throw notFound("preview");
  return draftRecord.parse(JSON.parse(text));
}

/** Null when it was not made, or is older than it may be: what it was checked against has changed since. */
export async function readPreview(
  { importDir }: Place,
  { draft, key, oldestMs }: { draft: DraftRecord; key: string; oldestMs: number },
): Promise<FilePreview | null> {
  const file = path.join(folderOf(importDir, draft.client), previewName(draft.draftId, key));
  const made = await stat(file).catch(() => null);
  if (made === null || Date.now() - made.mtimeMs > oldestMs) return null;
  const text = await readOurs(file);
  return text === null ? null : filePreview.parse(JSON.parse(text));
}

/**
 * The bytes of a draft under a second name, for an upload to be made of. The draft keeps its own: if we are killed before
 * the upload is accepted, it can be tried again.
 */
export async function takeDraft({ importDir }: Place, draft: DraftRecord): Promise<ReceivedFile> {
  const folder = folderOf(importDir, draft.client);
  const { fileName, contentHash, bytes, isGzip } = draft;
  const taken = path.join(folder, `.${randomUUID()}${partial}`);
  try {
    await link(path.join(folder, draft.file), taken);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw notFound("preview");
    throw diskProblem(error);
  }
  return { path: taken, fileName, contentHash, bytes, isGzip };
}

async function readOurs(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw diskProblem(error);
  }
}
