import {
  defaultLimits,
  findMapping,
  FileRefused,
  readFile,
  stagedColumns,
  type FileCounts,
  type FileMapping,
  type PerformanceReading,
  type ReadingLimits,
  type RejectedLine,
} from "../connectors/files/performance-file.ts";

export type StagedRow = Record<(typeof stagedColumns)[number], string | null>;

export interface Reading {
  rows: StagedRow[];
  rejects: RejectedLine[];
  counts: FileCounts;
}

export interface ReadOptions {
  mapping?: string | FileMapping;
  today?: string;
  currency?: string;
  known?: readonly string[] | null;
  limits?: Partial<ReadingLimits>;
  /** Bytes handed over at once. */
  chunk?: number;
  scan?: boolean;
  signal?: AbortSignal;
}

/** For tests: reads a file that is in memory, and takes the COPY text apart as Postgres would. */
export async function readBytes(file: string | Uint8Array, options: ReadOptions = {}): Promise<Reading> {
  const blocks: Buffer[] = [];
  const rejects: RejectedLine[] = [];
  const reading: PerformanceReading = {
    ...readingOf(options),
    accepted: (block) => {
      blocks.push(block);
      return Promise.resolve();
    },
    rejected: (lines) => {
      rejects.push(...lines);
      return Promise.resolve();
    },
  };
  const bytes = Buffer.from(file);
  const counts = await readFile(inChunks(bytes, options.chunk ?? bytes.length), reading, {
    scan: options.scan ?? true,
  });
  return { rows: stagedRows(Buffer.concat(blocks).toString("utf8")), rejects, counts };
}

/** For tests: what a file is read by. */
export function readingOf(options: ReadOptions): Omit<PerformanceReading, "accepted" | "rejected"> {
  const { mapping = "document", today = "2025-12-18", currency = "USD", known = null } = options;
  return {
    mapping: typeof mapping === "string" ? findMapping(mapping) : mapping,
    today,
    currency,
    knownCreatives: known === null ? null : new Set(known),
    limits: { ...defaultLimits, ...options.limits },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
}

/** For tests: the refusal of a file that must be refused. */
export async function refusalOf(file: string | Uint8Array, options: ReadOptions = {}): Promise<FileRefused> {
  try {
    await readBytes(file, options);
  } catch (error) {
    if (error instanceof FileRefused) return error;
    throw error;
  }
  throw new Error("the file was not refused");
}

export async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += Math.max(1, size)) yield bytes.subarray(at, at + Math.max(1, size));
  return Promise.resolve();
}

function stagedRows(text: string): StagedRow[] {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last staged line is not whole");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const cells = line.split("\t");
      if (cells.length !== stagedColumns.length) throw new Error(`a staged line has ${cells.length} columns: ${line}`);
      return Object.fromEntries(
        stagedColumns.map((column, place) => [column, copied(cells[place] ?? "")]),
      ) as StagedRow;
    });
}

/** A value as COPY reads it: \N is none, a backslash takes the meaning of what follows. */
function copied(cell: string): string | null {
  if (cell === "\\N") return null;
  const meanings: Record<string, string> = { t: "\t", n: "\n", r: "\r", "\\": "\\" };
  return cell.replace(/\\(.)/gs, (_, letter: string) => {
    const meaning = meanings[letter];
    if (meaning === undefined) throw new Error(`COPY would read \\${letter} otherwise`);
    return meaning;
  });
}
