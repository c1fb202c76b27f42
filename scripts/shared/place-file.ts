import { createHash, randomUUID } from "node:crypto";
import { constants, createReadStream, type Stats } from "node:fs";
import { mkdir, open, realpath, rename, rm, stat, statfs, writeFile, readFile } from "node:fs/promises";
import path from "node:path";
import { uploadFolder, type UploadRecord } from "../../rules/files/uploads.ts";
import { checksFolder } from "../../activities/files/sweep-uploads.ts";
import { CommandError, exitCodes } from "./command-line.ts";

/** A file of this machine, as the worker will find it below the import folder. */
export interface PlacedFile {
  /** Below the import folder. */
  path: string;
  /** Names the workflow, so that the same file imported twice at the same time is two imports. */
  importId: string;
  /** The mapping file given with it. */
  mapping: string | null;
  /** Deletes the copy; nothing when the file lay in the import folder already. */
  remove: () => Promise<void>;
}

/** Room that a copy leaves on the disk. */
const spareBytes = 256 * 1_048_576;

/** Puts a file where the worker may read it, unless it lies there already. */
export async function placeFile(given: {
  file: string;
  importDir: string;
  client: string;
  mappingFile: string | null;
  constants: Record<string, string>;
  ignore: readonly string[];
  force: boolean;
  /** Only to be checked: it must not be imported as an upload. */
  dryRun: boolean;
  maxBytes: number;
  onProgress: (copied: number, of: number) => void;
}): Promise<PlacedFile> {
  const { file, importDir, client, mappingFile, dryRun, maxBytes } = given;
  const found = await statOf(file);
  if (found.size > maxBytes)
    throw new CommandError(
      exitCodes.usage,
      `${file} has ${found.size} bytes, more than ${maxBytes}, which is the limit (INGEST_MAX_BYTES): split it`,
    );
  const importId = randomUUID().replaceAll("-", "");
  const inside = await pathInside(importDir, file);
  if (inside !== null && mappingFile === null)
    return { path: inside, importId, mapping: null, remove: () => Promise.resolve() };

  const below = dryRun ? `${checksFolder}/${client}` : (uploadFolder(client) ?? `uploads/${client}`);
  const folder = path.join(importDir, below);
  await mkdir(folder, { recursive: true, mode: 0o750 });
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < found.size + spareBytes)
    throw new CommandError(exitCodes.found, `the disk of ${importDir} has no room for another ${found.size} bytes`);
  const name = (ending: string) => path.join(folder, `${importId}${ending}`);
  const copied = await copyInto(file, name(".part"), found.size, given.onProgress);
  const data = `${importId}.${copied.isGzip ? "gz" : "csv"}`;
  const remove = async () => {
    for (const ending of [".json", ".csv", ".gz", ".mapping.json", ".part", ".record.part"])
      await rm(name(ending), { force: true });
  };
  try {
    await rename(name(".part"), path.join(folder, data));
    const whole = { mode: 0o640, flush: true };
    if (mappingFile !== null) await writeFile(name(".mapping.json"), await readFile(mappingFile), whole);
    const mapping = mappingFile === null ? null : `${below}/${importId}.mapping.json`;
    if (!dryRun) {
      const record: UploadRecord = {
        importId,
        client,
        file: data,
        fileName: path.basename(file),
        contentHash: copied.sha256,
        bytes: found.size,
        mapping,
        constants: given.constants,
        ignore: [...given.ignore],
        force: given.force,
        by: "command",
        acceptedAt: new Date().toISOString(),
      };
      // Last, and in one piece: from then on the file is accepted. Before it, what a crash leaves is cleared after a day.
      await writeFile(name(".record.part"), JSON.stringify(record), whole);
      await rename(name(".record.part"), name(".json"));
    }
    return { path: `${below}/${data}`, importId, mapping, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function statOf(file: string): Promise<Stats> {
  const found = await stat(file).catch(() => null);
  if (found === null) throw new CommandError(exitCodes.usage, `there is no file ${file}`);
  if (!found.isFile()) throw new CommandError(exitCodes.usage, `${file} is not a file`);
  return found;
}

/** Its path below the import folder; null when it lies elsewhere. */
async function pathInside(importDir: string, file: string): Promise<string | null> {
  const root = await realpath(importDir).catch(() => null);
  if (root === null) return null;
  const below = path.relative(root, await realpath(file));
  const outside = below === "" || below.split(path.sep)[0] === ".." || path.isAbsolute(below);
  // A link into the folder is copied like any other file, because the worker follows none.
  return outside || (await realpath(file)) !== path.join(await realpath(path.dirname(file)), path.basename(file))
    ? null
    : below.split(path.sep).join("/");
}

async function copyInto(
  from: string,
  to: string,
  bytes: number,
  onProgress: (copied: number, of: number) => void,
): Promise<{ sha256: string; isGzip: boolean }> {
  const hash = createHash("sha256");
  const target = await open(to, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o640);
  let copied = 0;
  let isGzip = false;
  try {
    for await (const chunk of createReadStream(from, { highWaterMark: 1_048_576 }) as AsyncIterable<Buffer>) {
      if (copied === 0) isGzip = chunk[0] === 0x1f && chunk[1] === 0x8b;
      hash.update(chunk);
      for (let at = 0; at < chunk.length;) at += (await target.write(chunk, at)).bytesWritten;
      copied += chunk.length;
      onProgress(copied, bytes);
    }
    await target.sync();
    return { sha256: hash.digest("hex"), isGzip };
  } catch (error) {
    await rm(to, { force: true });
    throw error;
  } finally {
    await target.close();
  }
}
