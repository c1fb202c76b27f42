import {
  defaultLimits,
  findMapping,
  FileRefused,
  readFile,
  stagedColumns,
  type FileCounts,
  type FileMapping,
  type NamedCreative,
  type PerformanceReading,
  type ReadingLimits,
  type RejectedLine,
} from "../connectors/files/performance-file.ts";

/** With the creative that its number means. */
export type StagedRow = Record<(typeof stagedColumns)[number] | "creative_id" | "buyer_id", string | null>;

export interface Reading {
  rows: StagedRow[];
  rejects: RejectedLine[];
  counts: FileCounts;
}

export interface ReadOptions {
  mapping?: string | FileMapping;
  today?: string;
  currency?: string;
  /** Creatives by their ids alone. */
  known?: readonly string[] | null;
  buyerId?: string | null;
  others?: PerformanceReading["others"];
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
  const creatives = new Map<string, NamedCreative>();
  const reading: PerformanceReading = {
    ...readingOf(options),
    named: (found) => {
      for (const creative of found) creatives.set(String(creative.number), creative);
      return Promise.resolve();
    },
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
  return { rows: stagedRows(Buffer.concat(blocks).toString("utf8"), creatives), rejects, counts };
}

/** For tests: what a file is read by. */
export function readingOf(options: ReadOptions): Omit<PerformanceReading, "named" | "accepted" | "rejected"> {
  const { mapping = "document", today = "2025-12-18", currency = "USD", known = null } = options;
  return {
    mapping: typeof mapping === "string" ? findMapping(mapping) : mapping,
    today,
    currency,
    buyerId: options.buyerId ?? null,
    others: options.others,
    knownCreatives: { stateOf: (_, id) => (known === null || known.includes(id) ? "fine" : "unknown") },
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

function stagedRows(text: string, creatives: ReadonlyMap<string, NamedCreative>): StagedRow[] {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last staged line is not whole");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const cells = line.split("\t");
      if (cells.length !== stagedColumns.length) throw new Error(`a staged line has ${cells.length} columns: ${line}`);
      const staged = stagedColumns.map((column, place) => [column, copied(cells[place] ?? "")] as const);
      const creative = creatives.get(cells[1] ?? "");
      if (creative === undefined) throw new Error(`nobody says which creative number ${cells[1]} is`);
      const { creativeId: creative_id, buyerId: buyer_id } = creative;
      return { ...(Object.fromEntries(staged) as StagedRow), creative_id, buyer_id };
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
