import { createHash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, rm, statfs } from "node:fs/promises";
import path from "node:path";
import type { Multipart, MultipartFile } from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import { maskFileName } from "../../core/personal.ts";
import { placeOf } from "../../core/typed.ts";
import { ApiError } from "../server/errors.ts";
import { stopReading } from "../server/slow-bodies.ts";
import { diskProblem, folderOf, noRoom, partial, type UploadPlace } from "./upload-folder.ts";

/** What the boundaries and the fields of a form may add to its file. */
const formBytes = 65_536;
/** Room that uploads leave on the disk: a full one would stop Postgres, too, where it is the same. */
const spareBytes = 512 * 1_048_576;
const checkEveryBytes = 64 * 1_048_576;

/** As RFC 2046 has it; the form's parser fails at a longer one, and reads an empty one as anything. */
const boundary = /;\s*boundary=(?:"[\w'()+,\-./:=? ]{0,69}[\w'()+,\-./:=?]"|[\w'()+,\-./:=?]{1,70})\s*(?:;|$)/i;

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

export type ReceivedFile = Omit<Received<never>, "fields">;

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
  if (!boundary.test(request.headers["content-type"] ?? "")) {
    stopReading(request);
    throw invalid({ "content-type": "must name a boundary of 1 to 70 letters, digits and '()+_,-./:=?" });
  }
  if (Number(request.headers["content-length"] ?? 0) > limitBytes + formBytes) {
    stopReading(request);
    throw tooLarge(limitBytes);
  }
  await mkdir(folder, { recursive: true, mode: 0o750 });
  let received: ReceivedFile | undefined;
  const fields: Record<string, string | string[]> = {};
  try {
    for await (const part of parts(request)) {
      if (part.type === "field") {
        const text = fieldText(part.fieldname, part.value, part.valueTruncated);
        const earlier = fields[part.fieldname];
        fields[part.fieldname] = earlier === undefined ? text : [earlier, text].flat();
      } else if (received !== undefined) {
        part.file.resume();
        throw invalid({
          [part.fieldname]: "is a second file: send one file per request, and several requests at once",
        });
      } else {
        received = await writePart(part, folder, limitBytes);
      }
    }
    if (received === undefined) throw invalid({ file: "is missing: send the file as the part `file`" });
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
    limits: { fileSize: Infinity, files: 2, fields: 100, fieldSize: 1_000, fieldNameSize: 100, headerPairs: 50 },
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

async function checkRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < spareBytes) throw noRoom();
}

/** Only the last part of what the sender called it, as text that can be shown and stored. */
function nameOf({ filename }: MultipartFile): string {
  const name = (filename ?? "").split(/[/\\]/).at(-1) ?? "";
  const shown = name.replaceAll(/\p{C}/gu, "").trim().slice(0, 200);
  // It goes wherever the file goes: tables, histories, pages.
  return shown === "" ? "upload.csv" : maskFileName(shown);
}

function fieldText(name: string, value: unknown, truncated: boolean): string {
  if (typeof value !== "string" || truncated) throw invalid({ [name]: "must be a short text" });
  return value;
}

function checked<Fields>(shape: z.ZodType<Fields>, fields: Record<string, string | string[]>): Fields {
  const parsed = shape.safeParse(fields);
  if (parsed.success) return parsed.data;
  throw invalid(
    Object.fromEntries(
      parsed.error.issues.map((issue) =>
        issue.code === "unrecognized_keys"
          ? [
              String(issue.keys[0]),
              "is no field of this form: there are `file`, `mapping`, `extends`, `constant`, `ignore` and `force`",
            ]
          : [placeOf(issue, "body"), issue.message],
      ),
    ) as Record<string, string>,
  );
}

function asAnswer(error: unknown): unknown {
  if (error instanceof ApiError) return error;
  const { code } = error as { code?: unknown };
  if (code === "FST_MP_PREMATURE_CLOSE" || code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE")
    return invalid({ body: "ended before the file was whole" });
  if (typeof code === "string" && /^FST_(PARTS|FILES|FIELDS)_LIMIT$/.test(code))
    return invalid({
      body: "has more parts than an upload needs: one file, `mapping`, `force`, and some of `constant` and `ignore`",
    });
  if (typeof code === "string" && code.startsWith("FST_")) return error;
  // The form's parser throws plain errors at what is no form.
  return code === undefined &&
    error instanceof Error &&
    /multipart|boundary|part terminated|header/i.test(error.message)
    ? invalid({ body: "is no form that can be read to its end" })
    : diskProblem(error);
}

const invalid = (details: Record<string, string>) => new ApiError("validation_error", "body is not valid", details);

const tooLarge = (limitBytes: number) =>
  new ApiError("payload_too_large", `the file is too large: ${limitBytes} bytes at most`);
