import { createWriteStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";

interface Entry {
  name: string;
  deflated: boolean;
  bytes: number;
  header: number;
}

/** Writes the first file of a zip whose name matches; enough of the format for archives under 4 GB. */
export async function unzipOne(archive: string, wanted: RegExp, target: string): Promise<void> {
  const zip = await open(archive);
  try {
    const entry = (await entriesOf(zip, archive)).find(({ name }) => wanted.test(name));
    if (!entry) throw new Error(`${archive} holds no file like ${String(wanted)}`);
    // The local header repeats the name and has extra fields of its own length.
    const local = await read(zip, entry.header, 30);
    const start = entry.header + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
    const source = zip.createReadStream({ start, end: start + entry.bytes - 1, autoClose: false });
    await pipeline(source, entry.deflated ? createInflateRaw() : new PassThrough(), createWriteStream(target));
  } finally {
    await zip.close();
  }
}

async function entriesOf(zip: FileHandle, archive: string): Promise<Entry[]> {
  const { size } = await zip.stat();
  const tail = await read(zip, Math.max(0, size - 65_557), Math.min(size, 65_557));
  const end = tail.lastIndexOf(Buffer.from("PK\x05\x06"));
  if (end < 0) throw new Error(`${archive} is not a zip file`);
  const count = tail.readUInt16LE(end + 10);
  const directory = await read(zip, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  const entries: Entry[] = [];
  for (let at = 0; entries.length < count;) {
    const nameLength = directory.readUInt16LE(at + 28);
    entries.push({
      name: directory.toString("utf8", at + 46, at + 46 + nameLength),
      deflated: directory.readUInt16LE(at + 10) === 8,
      bytes: directory.readUInt32LE(at + 20),
      header: directory.readUInt32LE(at + 42),
    });
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

async function read(zip: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await zip.read({ buffer: Buffer.alloc(length), position });
  if (bytesRead < length) throw new Error("the zip file is cut short");
  return buffer;
}
