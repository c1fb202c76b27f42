import { createHash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { link, mkdir, open, readdir, readFile, rename, rm, stat, statfs } from "node:fs/promises";
import path from "node:path";
import type { Multipart, MultipartFile } from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import { sha256 } from "../../core/crypto.ts";
import { uploadFolder, uploadRecord, uploadsRoot, type UploadRecord } from "../../rules/files/uploads.ts";
import { ApiError, notFound, Unavailable } from "../server/errors.ts";
import { stopReading } from "../server/slow-bodies.ts";

/** What the boundaries and the fields of a form may add to its file. */
const formBytes = 65_536;
/** Room that uploads leave on the disk: a full one would stop Postgres, too, where it is the same. */
const spareBytes = 512 * 1_048_576;
const checkEveryBytes = 64 * 1_048_576;
/** An upload that nobody has written to for this long belongs to a server that is gone. */
const abandonedMs = 24 * 3_600_000;
const partial = ".part";

export interface UploadPlace {
  importDir: string;
  limitBytes: number;
}

/** A file that is whole on disk, under a name that nothing looks for yet. */
export interface Received<Fields> {
  path: string;
  fileName: string;
  contentHash: string;
  bytes: number;
  isGzip: boolean;
  /** The form's other fields. */
  fields: Fields;
}

type ReceivedFile = Omit<Received<never>, "fields">;

/** Streams the one file of a form to disk, and leaves nothing behind when it does not come whole. */
export async function receiveUpload<Fields>(
  request: FastifyRequest,
  { importDir, limitBytes }: UploadPlace,
  client: string,
  shape: z.ZodType<Fields>,
): Promise<Received<Fields>> {
  const folder = folderOf(importDir, client);
  if (!request.isMultipart())
    throw invalid({ "content-type": "must be multipart/form-data, with the file as the part `file`" });
  if (Number(request.headers["content-length"] ?? 0) > limitBytes + formBytes) {
    stopReading(request);
    throw tooLarge(limitBytes);
  }
  await mkdir(folder, { recursive: true, mode: 0o750 });
  let received: ReceivedFile | undefined;
  const fields: Record<string, string> = {};
  try {
    for await (const part of parts(request)) {
      if (part.type === "field") {
        fields[part.fieldname] = fieldText(part.fieldname, part.value, part.valueTruncated);
      } else if (received !== undefined) {
        part.file.resume();
        throw invalid({
          [part.fieldname]: "is a second file: send one file per request, and several requests at once",
        });
      } else {
        received = await writePart(part, folder, limitBytes);
      }
    }
    if (received === undefined) throw invalid({ file: "is missing: send the CSV as the part `file`" });
    if (received.bytes === 0) throw invalid({ file: "is empty" });
    return { ...received, fields: checked(shape, fields) };
  } catch (error) {
    if (received !== undefined) await rm(received.path, { force: true });
    stopReading(request);
    throw asAnswer(error);
  }
}

/** The parser's own limits; the file's size is counted by us, because the parser would read to the end of what it drops. */
function parts(request: FastifyRequest): AsyncIterableIterator<Multipart> {
  return request.parts({
    limits: { fileSize: Infinity, files: 2, fields: 10, fieldSize: 1_000, fieldNameSize: 100, headerPairs: 50 },
  });
}

async function writePart(part: MultipartFile, folder: string, limitBytes: number): Promise<ReceivedFile> {
  const target = path.join(folder, `.${randomUUID()}${partial}`);
  const handle = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o640);
  const hash = createHash("sha256");
  let bytes = 0;
  let checkedAt = -checkEveryBytes;
  let isGzip = false;
  try {
    for await (const chunk of part.file as AsyncIterable<Buffer>) {
      if (bytes === 0) isGzip = chunk[0] === 0x1f && chunk[1] === 0x8b;
      bytes += chunk.length;
      if (bytes > limitBytes) throw tooLarge(limitBytes);
      if (bytes - checkedAt >= checkEveryBytes) {
        await checkRoom(folder);
        checkedAt = bytes;
      }
      hash.update(chunk);
      for (let from = 0; from < chunk.length;) from += (await handle.write(chunk, from)).bytesWritten;
    }
    await handle.sync();
    return { path: target, fileName: nameOf(part), contentHash: hash.digest("hex"), bytes, isGzip };
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

export interface Acceptance {
  client: string;
  by: string;
  mapping: string | null;
  force: boolean;
  /** The same key is the same upload. */
  idempotencyKey: string | null;
  now: Date;
}

/**
 * Gives a received file its name and writes its record, in that order: from then on it is accepted, whatever happens to
 * us. A key that was used before gives the record that it made; with other content it is a conflict.
 */
export async function acceptUpload(
  received: ReceivedFile,
  { importDir }: Pick<UploadPlace, "importDir">,
  { client, by, mapping, force, idempotencyKey, now }: Acceptance,
): Promise<{ record: UploadRecord; isNew: boolean }> {
  const folder = folderOf(importDir, client);
  const importId =
    idempotencyKey === null
      ? randomUUID().replaceAll("-", "")
      : sha256(JSON.stringify(["upload", client, idempotencyKey])).slice(0, 32);
  const known = await readRecord(folder, importId);
  if (known !== null) return repeat(known, received, { mapping, force });

  const { path: arrived, fileName, contentHash, bytes, isGzip } = received;
  const file = `${importId}.${isGzip ? "gz" : "csv"}`;
  const acceptedAt = now.toISOString();
  const record = { importId, client, file, fileName, contentHash, bytes, mapping, force, by, acceptedAt };
  const draft = path.join(folder, `.${randomUUID()}${partial}`);
  try {
    // Two that came at once with one key: the first link wins, and the other finds its record.
    await link(arrived, path.join(folder, file));
    await writeWhole(draft, JSON.stringify(uploadRecord.parse(record)));
    await rename(draft, path.join(folder, `${importId}.json`));
    await syncFolder(folder);
    return { record, isNew: true };
  } catch (error) {
    await rm(draft, { force: true });
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw asAnswer(error);
    const first = await readRecord(folder, importId);
    if (first === null) throw new Unavailable("an upload with this Idempotency-Key is being accepted; try again soon");
    return repeat(first, received, { mapping, force });
  } finally {
    await rm(arrived, { force: true });
  }
}

async function repeat(
  record: UploadRecord,
  received: ReceivedFile,
  given: { mapping: string | null; force: boolean },
): Promise<{ record: UploadRecord; isNew: boolean }> {
  await rm(received.path, { force: true });
  if (record.contentHash !== received.contentHash || record.mapping !== given.mapping || record.force !== given.force)
    throw new ApiError("conflict", "this Idempotency-Key came with another file, mapping or force before");
  return { record, isNew: false };
}

/** Null when this client has no such upload. */
export async function findUpload(
  { importDir }: Pick<UploadPlace, "importDir">,
  { client, importId }: { client: string; importId: string },
): Promise<UploadRecord | null> {
  const folder = uploadFolder(client);
  return folder === null ? null : readRecord(path.join(importDir, folder), importId);
}

/** What a server that was killed left half received. Those under way are younger. */
export async function clearAbandoned({ importDir }: Pick<UploadPlace, "importDir">, now: number): Promise<number> {
  const root = path.join(importDir, uploadsRoot);
  let cleared = 0;
  for (const client of await readdir(root).catch(() => []))
    for (const name of await readdir(path.join(root, client)).catch(() => [])) {
      const file = path.join(root, client, name);
      if (!name.startsWith(".") || !name.endsWith(partial)) continue;
      const found = await stat(file).catch(() => null);
      if (found === null || now - found.mtimeMs < abandonedMs) continue;
      await rm(file, { force: true });
      cleared += 1;
    }
  return cleared;
}

function folderOf(importDir: string, client: string): string {
  const folder = uploadFolder(client);
  if (folder === null) throw notFound("client");
  return path.join(importDir, folder);
}

async function readRecord(folder: string, importId: string): Promise<UploadRecord | null> {
  if (!uploadRecord.shape.importId.safeParse(importId).success) return null;
  try {
    return uploadRecord.parse(JSON.parse(await readFile(path.join(folder, `${importId}.json`), "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function writeWhole(file: string, text: string): Promise<void> {
  const handle = await open(file, "wx", 0o640);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A name is safe once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function checkRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < spareBytes) throw noRoom();
}

/** Only the last part of what the sender called it, as text that can be shown and stored. */
function nameOf({ filename }: MultipartFile): string {
  const name = (filename ?? "").split(/[/\\]/).at(-1) ?? "";
  const shown = name.replaceAll(/\p{C}/gu, "").trim().slice(0, 200);
  return shown === "" ? "upload.csv" : shown;
}

function fieldText(name: string, value: unknown, truncated: boolean): string {
  if (typeof value !== "string" || truncated) throw invalid({ [name]: "must be a short text" });
  return value;
}

function checked<Fields>(shape: z.ZodType<Fields>, fields: Record<string, string>): Fields {
  const parsed = shape.safeParse(fields);
  if (parsed.success) return parsed.data;
  throw invalid(
    Object.fromEntries(
      parsed.error.issues.map((issue) =>
        issue.code === "unrecognized_keys"
          ? [String(issue.keys[0]), "is no field of this form: there are `file`, `mapping` and `force`"]
          : [issue.path.join("."), issue.message],
      ),
    ) as Record<string, string>,
  );
}

function asAnswer(error: unknown): unknown {
  if (error instanceof ApiError) return error;
  const { code } = error as { code?: unknown };
  if (code === "ENOSPC" || code === "EDQUOT") return noRoom(error);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return new Unavailable("uploads cannot be kept: the import folder is not ours to write to", error);
  if (code === "FST_MP_PREMATURE_CLOSE" || code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE")
    return invalid({ body: "ended before the file was whole" });
  if (typeof code === "string" && /^FST_(PARTS|FILES|FIELDS)_LIMIT$/.test(code))
    return invalid({ body: "has more parts than an upload needs: one file, `mapping`, `force`" });
  if (typeof code === "string" && code.startsWith("FST_")) return error;
  // The form's parser throws plain errors at what is no form.
  return code === undefined &&
    error instanceof Error &&
    /multipart|boundary|part terminated|header/i.test(error.message)
    ? invalid({ body: "is no form that can be read to its end" })
    : error;
}

const invalid = (details: Record<string, string>) => new ApiError("validation_error", "body is not valid", details);

const tooLarge = (limitBytes: number) =>
  new ApiError("payload_too_large", `the file is larger than this server takes: ${limitBytes} bytes at most`);

const noRoom = (cause?: unknown) => new Unavailable("there is no room for uploads now; try again later", cause);
