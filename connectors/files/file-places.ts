import { constants, type BigIntStats } from "node:fs";
import { lstat, mkdir, open, readdir, realpath, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";

/** A file that may not be read, or is not what it seems, in words for whoever named it. */
export class FileProblem extends Error {
  constructor(
    /** `place`: what was typed leads nowhere. `content`: the file is there and is no good. */
    readonly kind: "place" | "content",
    message: string,
  ) {
    super(message);
    this.name = "FileProblem";
  }
}

/** A file that is open: what is read is what was opened, whatever becomes of its name. */
export interface OpenedFile {
  /** As people know it. */
  name: string;
  bytes: number;
  /** Another file, or the same one changed, has another. */
  identity: string;
  /** The file as it lies there, from its start. May be asked for again. */
  read(signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Throws when the file is no longer what was opened. */
  assertUnchanged(): Promise<void>;
  close(): Promise<void>;
}

const chunkBytes = 512 * 1_024;

/** Opens a file below a folder for reading. The checks are made on what is open, not on the name. */
export async function openLocalFile(folder: string, given: string, limits: { maxBytes: number }): Promise<OpenedFile> {
  const name = relativeName(folder, given);
  const root = await realpath(folder).catch(() => {
    throw new FileProblem("place", "the import folder does not exist (IMPORT_DIR)");
  });
  const file = path.join(root, name);
  const handle = await openRegular(file, name);
  try {
    const opened = await handle.stat({ bigint: true });
    assertRegular(opened, name);
    // Where the name leads now has to be inside, and to be what was opened: a link on the way there is found either way.
    const real = await realpath(file).catch(() => null);
    const there = real === null ? null : await lstat(real, { bigint: true }).catch(() => null);
    if (real === null || there === null || !isInside(root, real) || !sameFile(there, opened))
      throw new FileProblem("place", `${name} leads out of the import folder, or was replaced while it was opened`);
    assertSize(name, Number(opened.size), limits.maxBytes);
    return {
      name,
      bytes: Number(opened.size),
      identity: identityOf(opened),
      read: (signal) => readHandle(handle, signal),
      async assertUnchanged() {
        const now = await handle.stat({ bigint: true });
        const named = await lstat(file, { bigint: true }).catch(() => null);
        if (identityOf(now) !== identityOf(opened) || named === null || !sameFile(named, opened)) throw changed(name);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What to say of a file that did not stand still. */
export function changed(name: string): FileProblem {
  return new FileProblem(
    "content",
    `${name} changed while it was read, so nothing of it was stored: hand it in again when it is complete`,
  );
}

/** A file as the folder lists it. */
export interface ListedFile {
  /** Relative to the folder, with `/` between its parts. */
  path: string;
  bytes: number;
  identity: string;
}

const mostListed = 20_000;
const deepest = 6;
/** What senders' programs call a file that is still on its way. */
const unfinished = /(^\.)|(\.(part|partial|tmp|temp|crdownload|filepart|swp|lock)$)|(~$)/i;

/** Files below a folder, by name. Links, hidden files and files on their way are passed by. */
export async function listFolder(folder: string): Promise<{ files: ListedFile[]; more: boolean }> {
  const files: ListedFile[] = [];
  let more = false;
  const walk = async (below: string, depth: number): Promise<void> => {
    const entries = await readdir(path.join(folder, below), { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
      if (unfinished.test(entry.name)) continue;
      const name = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory() && depth < deepest) await walk(name, depth + 1);
      if (!entry.isFile()) continue;
      if (files.length >= mostListed) {
        more = true;
        return;
      }
      const found = await lstat(path.join(folder, name), { bigint: true }).catch(() => null);
      if (found?.isFile() === true) files.push({ path: name, bytes: Number(found.size), identity: identityOf(found) });
    }
  };
  await walk("", 1);
  return { files, more };
}

/** Makes the folder if it is not there, and shows that files can be put in it. */
export async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 });
}

const gzipMagic = [0x1f, 0x8b];
/** Text of reports packs 5 to 40 to 1; gzip itself cannot do better than about 1,030. */
const mostRatio = 200;
const ratioFromBytes = 32 * 1_024 * 1_024;

const otherFormats: [magic: number[], what: string][] = [
  [[0x50, 0x4b, 0x03, 0x04], "a ZIP archive or an Excel workbook: unpack it, or save the sheet as CSV"],
  [[0xd0, 0xcf, 0x11, 0xe0], "an old Excel workbook: save the sheet as CSV"],
  [[0x42, 0x5a, 0x68], "packed with bzip2: unpack it, or pack it with gzip"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "packed with xz: unpack it, or pack it with gzip"],
  [[0x28, 0xb5, 0x2f, 0xfd], "packed with zstd: unpack it, or pack it with gzip"],
  [[0x25, 0x50, 0x44, 0x46], "a PDF: export the report as CSV"],
  [[0x50, 0x41, 0x52, 0x31], "a Parquet file: export it as CSV"],
];

/** The text of a file: unpacked when it is gzip, by its first bytes and not by its name. */
export async function* unpacked(
  name: string,
  packed: AsyncIterable<Uint8Array>,
  limits: { maxBytes: number },
): AsyncIterable<Uint8Array> {
  const chunks = packed[Symbol.asyncIterator]();
  let first: Buffer = Buffer.alloc(0);
  let ended = false;
  while (first.length < 8 && !ended) {
    const { value, done } = await chunks.next();
    if (done === true) ended = true;
    else
      first =
        first.length === 0 ? Buffer.from(value.buffer, value.byteOffset, value.length) : Buffer.concat([first, value]);
  }
  const starts = (magic: readonly number[]) => magic.every((byte, index) => first[index] === byte);
  const foreign = otherFormats.find(([magic]) => starts(magic));
  if (foreign !== undefined) throw new FileProblem("content", `${name} is ${foreign[1]}`);
  async function* all(): AsyncIterable<Uint8Array> {
    if (first.length > 0) yield first;
    if (!ended) yield* { [Symbol.asyncIterator]: () => chunks };
  }
  if (starts(gzipMagic)) yield* gunzip(name, all(), limits.maxBytes);
  else yield* all();
}

async function* gunzip(name: string, packed: AsyncIterable<Uint8Array>, maxBytes: number): AsyncIterable<Uint8Array> {
  let taken = 0;
  let given = 0;
  const counted = async function* () {
    for await (const chunk of packed) {
      taken += chunk.length;
      yield chunk;
    }
  };
  const text = new PassThrough({ highWaterMark: chunkBytes });
  const done = pipeline(Readable.from(counted()), createGunzip({ chunkSize: 128 * 1_024 }), text);
  // Its failure is seen where the text is read.
  done.catch(() => undefined);
  try {
    for await (const chunk of text as AsyncIterable<Buffer>) {
      given += chunk.length;
      if (given > maxBytes)
        throw new FileProblem(
          "content",
          `${name} is more than ${maxBytes} bytes when unpacked, which is the limit (INGEST_MAX_BYTES)`,
        );
      if (given > ratioFromBytes && given > taken * mostRatio)
        throw new FileProblem(
          "content",
          `${name} unpacks to more than ${mostRatio} times its size, which no report does: it was not unpacked further`,
        );
      yield chunk;
    }
    await done;
  } catch (error) {
    if (isZlibError(error))
      throw new FileProblem(
        "content",
        error.code === "Z_BUF_ERROR"
          ? `${name} ends in the middle of its gzip data: it was not transferred whole`
          : `${name} is damaged gzip data (${error.code})`,
      );
    throw error;
  } finally {
    text.destroy();
  }
}

/** By its code: a library's errors need not be instances of this realm's Error. */
function isZlibError(error: unknown): error is { code: string } {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : null;
  return typeof code === "string" && code.startsWith("Z_");
}

/** The name below the folder of what was typed, relative or absolute. Nothing is looked up yet. */
function relativeName(folder: string, given: string): string {
  if (given === "" || given.includes("\0")) throw new FileProblem("place", "the path of the file is missing");
  const name = path.relative(folder, path.resolve(folder, given));
  if (name === "" || name.split(path.sep)[0] === ".." || path.isAbsolute(name))
    throw new FileProblem("place", `${given} is outside the import folder (IMPORT_DIR): put the file there`);
  return name;
}

async function openRegular(file: string, name: string): Promise<FileHandle> {
  // Not blocking: a pipe without a writer would never open.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  try {
    return await open(file, flags);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new FileProblem("place", `there is no file ${name} in the import folder`);
    if (code === "ELOOP" || code === "EMLINK")
      throw new FileProblem("place", `${name} is a link: put the file itself into the import folder`);
    if (code === "EACCES" || code === "EPERM")
      throw new FileProblem("place", `${name} may not be read: give the worker's user the right to`);
    if (code === "ENXIO" || code === "EISDIR" || code === "ENODEV")
      throw new FileProblem("place", `${name} is no regular file`);
    if (code === "ENAMETOOLONG") throw new FileProblem("place", "the path of the file is too long");
    throw error;
  }
}

function assertRegular(found: BigIntStats, name: string): void {
  if (found.isFile()) return;
  const what = found.isDirectory()
    ? "a folder"
    : found.isFIFO()
      ? "a named pipe"
      : found.isSocket()
        ? "a socket"
        : found.isBlockDevice() || found.isCharacterDevice()
          ? "a device"
          : "no regular file";
  throw new FileProblem("place", `${name} is ${what}, not a file`);
}

/** Refuses what is larger than the setting allows. */
export function assertSize(name: string, bytes: number, maxBytes: number): void {
  if (bytes > maxBytes)
    throw new FileProblem(
      "content",
      `${name} has ${bytes} bytes, more than ${maxBytes}, which is the limit (INGEST_MAX_BYTES): split it`,
    );
}

function isInside(root: string, file: string): boolean {
  const below = path.relative(root, file);
  return below !== "" && below.split(path.sep)[0] !== ".." && !path.isAbsolute(below);
}

const sameFile = (one: BigIntStats, other: BigIntStats) => one.dev === other.dev && one.ino === other.ino;
const identityOf = (found: BigIntStats) => `${found.ino}:${found.size}:${found.mtimeNs}`;

async function* readHandle(handle: FileHandle, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  let position = 0;
  for (;;) {
    signal?.throwIfAborted();
    // A buffer of its own each time: whoever reads may keep a piece of it.
    const buffer = Buffer.allocUnsafe(chunkBytes);
    const { bytesRead } = await handle.read(buffer, 0, chunkBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
