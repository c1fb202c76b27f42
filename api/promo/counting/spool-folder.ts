import { open, readdir } from "node:fs/promises";
import path from "node:path";
import { readSpoolLines } from "../../../rules/promo/spool-line.ts";

/** What lies in the spool's folder, of this process and of all others that share it. */
export interface SpoolFolder {
  events: number;
  bytes: number;
  /** When the event was received that has waited longest; null where none waits. */
  since: Date | null;
  /** Files kept aside because something in them could not be read. */
  damagedFiles: number;
}

interface Read {
  bytes: number;
  events: number;
  since: Date | null;
}

const nothing: Read = { bytes: 0, events: 0, since: null };
const blockBytes = 65_536;
const lineBreak = 10;

/** Reads the folder again and again: of files it has seen only what was appended since. */
export function createFolderReader(folder: string): () => Promise<SpoolFolder> {
  let known = new Map<string, Read>();
  return async () => {
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      // Where nothing was ever spooled there is no folder.
      if (error.code === "ENOENT") return [];
      throw error;
    });
    const files = new Map<string, Read>();
    for (const name of names.filter((one) => one.endsWith(".spool"))) {
      const read = await readOn(path.join(folder, name), known.get(name));
      if (read !== null) files.set(name, read);
    }
    known = files;
    const all = [...files.values()];
    const since = all.flatMap((file) => (file.since === null ? [] : [file.since.getTime()]));
    return {
      events: all.reduce((sum, { events }) => sum + events, 0),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      since: since.length === 0 ? null : new Date(Math.min(...since)),
      damagedFiles: names.filter((one) => one.endsWith(".damaged")).length,
    };
  };
}

/** Null where it was counted meanwhile, or is nothing to be read: then it is renamed as soon as its turn comes. */
async function readOn(file: string, before: Read = nothing): Promise<Read | null> {
  const handle = await open(file, "r").catch(() => null);
  if (handle === null) return null;
  try {
    const { size } = await handle.stat();
    // It was cut back to what was on the disk.
    let { bytes, events, since } = size < before.bytes ? nothing : before;
    for (const block = Buffer.alloc(blockBytes); ;) {
      const { bytesRead } = await handle.read(block, 0, blockBytes, bytes);
      if (bytesRead === 0) return { bytes, events, since };
      const part = block.subarray(0, bytesRead);
      since ??= receivedAt(part);
      bytes += bytesRead;
      for (const byte of part) if (byte === lineBreak) events += 1;
    }
  } catch {
    return null;
  } finally {
    await handle.close();
  }
}

/** Of the first event: those behind it were received later. */
function receivedAt(block: Buffer): Date | null {
  const [first] = readSpoolLines(block.toString("utf8")).events;
  return first === undefined ? null : new Date(first.at);
}
