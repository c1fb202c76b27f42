import { randomBytes } from "node:crypto";
import { open, readdir, rename, stat, type FileHandle } from "node:fs/promises";
import type { Server } from "node:net";
import path from "node:path";
import type { Event } from "../../../rules/promo/events.ts";
import { toSpoolLine } from "../../../rules/promo/spool-line.ts";
import { forgetLock, lives, lockSpool } from "./spool-lock.ts";

/** A file is read back whole. */
const fullAt = 4 * 1_024 * 1_024;

interface Waiting {
  line: string;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** What waits on the disk to be counted. */
export interface SpoolState {
  bytes: number;
  /** Since when the oldest file lies there; null when there is none. */
  since: Date | null;
}

interface KnownFile {
  size: number;
  since: Date;
}

interface OpenFile extends KnownFile {
  handle: FileHandle;
  path: string;
  /** Up to here it is on the disk. */
  size: number;
}

export class SpoolFull extends Error {
  constructor(limit: number) {
    super(`the spool has reached its limit of ${limit} bytes`);
    this.name = "SpoolFull";
  }
}

/**
 * Files of this process that events are appended to while the database is away. What is appended is on the disk when it is
 * answered; those who wait for the disk wait together.
 */
export class Spool {
  readonly #id = randomBytes(8).toString("hex");
  readonly #folder: string;
  readonly #limitBytes: number;
  #lock: Promise<Server> | null = null;
  #waiting: Waiting[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #file: OpenFile | null = null;
  #files = 0;
  /** Files that are written no more, by their path. */
  readonly #closed = new Map<string, KnownFile>();

  constructor({ folder, limitBytes }: { folder: string; limitBytes: number }) {
    this.#folder = folder;
    this.#limitBytes = limitBytes;
  }

  get state(): SpoolState {
    const files = [...this.#closed.values(), ...(this.#file === null || this.#file.size === 0 ? [] : [this.#file])];
    const since = files.map((file) => file.since.getTime());
    return {
      bytes: files.reduce((sum, { size }) => sum + size, 0),
      since: since.length === 0 ? null : new Date(Math.min(...since)),
    };
  }

  /** Resolves when the event is on the disk; rejects when it is not, and then no part of it is. */
  append(event: Event): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line: toSpoolLine(event), resolve, reject });
      if (this.#waiting.length === 1) void this.#inTurn(() => this.#flush());
    });
  }

  /** Files that are written no more, to be counted and then deleted: ours, and those of processes that ended. */
  take(): Promise<string[]> {
    return this.#inTurn(async () => {
      await this.#closeFile();
      for (const name of await this.#left()) await this.#claim(name);
      return [...this.#closed.keys()].sort();
    });
  }

  /** The file has been counted. */
  forget(file: string): void {
    this.#closed.delete(file);
  }

  /** What cannot be read keeps nobody waiting: it stays under a name that is not looked for. Answers that name. */
  async setAside(file: string): Promise<string> {
    this.#closed.delete(file);
    const aside = file.replace(/spool$/, "damaged");
    // Where it cannot even be renamed it stays, and this process does not take it again.
    return rename(file, aside).then(
      () => path.basename(aside),
      () => path.basename(file),
    );
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#closeFile());
    if (this.#lock === null) return;
    const lock = await this.#lock;
    await new Promise((resolve) => lock.close(resolve));
    await forgetLock(this.#folder, this.#id);
  }

  /** One after the other: nothing is taken while it is written. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      await this.#write(Buffer.from(batch.map(({ line }) => line).join("")));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.state.bytes + bytes.length > this.#limitBytes) throw new SpoolFull(this.#limitBytes);
    const file = (this.#file ??= await this.#create());
    try {
      for (let written = 0; written < bytes.length;) {
        const { bytesWritten } = await file.handle.write(bytes, written, bytes.length - written, file.size + written);
        written += bytesWritten;
      }
      await file.handle.datasync();
      file.size += bytes.length;
    } catch (error) {
      await this.#cutBack(file);
      throw error;
    }
    if (file.size >= fullAt) await this.#closeFile();
  }

  /** What was refused must not be counted later. */
  async #cutBack(file: OpenFile): Promise<void> {
    try {
      await file.handle.truncate(file.size);
      await file.handle.datasync();
    } catch {
      // A disk that takes nothing back is not written to again: the next event has a file of its own.
      await this.#closeFile();
    }
  }

  async #create(): Promise<OpenFile> {
    await this.#locked();
    const file = this.#nextPath();
    const handle = await open(file, "wx", 0o600);
    // The name has to survive, too.
    const folder = await open(this.#folder, "r");
    await folder.sync().finally(() => folder.close());
    return { handle, path: file, size: 0, since: new Date() };
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    this.#closed.set(file.path, file);
    await file.handle.close();
  }

  #locked(): Promise<Server> {
    this.#lock ??= lockSpool(this.#folder, this.#id);
    // Once the folder is there again, it is tried again.
    this.#lock.catch(() => (this.#lock = null));
    return this.#lock;
  }

  /** Files that are not ours. Where nothing was ever spooled there is no folder. */
  async #left(): Promise<string[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    return names.filter((name) => name.endsWith(".spool") && !name.startsWith(this.#id));
  }

  /** By renaming: of several who find the file one gets it. */
  async #claim(name: string): Promise<void> {
    const owner = name.replace(/\..*/, "");
    // No process has such a name, and for a long one the system takes no lock.
    const isNobodys = owner.length > 32;
    if (!isNobodys && (await lives(this.#folder, owner))) return;
    await this.#locked();
    const from = path.join(this.#folder, name);
    const file = this.#nextPath();
    const { size, birthtime } = await stat(from).catch(() => ({ size: -1, birthtime: new Date() }));
    const isOurs =
      size >= 0 &&
      (await rename(from, file).then(
        () => true,
        () => false,
      ));
    if (isOurs) this.#closed.set(file, { size, since: birthtime });
    await forgetLock(this.#folder, owner);
  }

  #nextPath(): string {
    this.#files += 1;
    return path.join(this.#folder, `${this.#id}.${String(this.#files).padStart(6, "0")}.spool`);
  }
}
