import { randomUUID } from "node:crypto";
import { open, unlink, type FileHandle } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/** A file without a name: whatever becomes of the process, nothing is left behind. */
export async function openNamelessFile(): Promise<FileHandle> {
  const name = path.join(os.tmpdir(), `signal-room-${randomUUID()}`);
  const file = await open(name, "wx+", 0o600);
  await unlink(name);
  return file;
}
