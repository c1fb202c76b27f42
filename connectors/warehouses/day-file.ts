import { hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { Big } from "big.js";
import { isDay } from "../../core/days.ts";
import { ConnectorError } from "../errors.ts";
import { parseMapping } from "../files/mapping.ts";
import { KeyPlaces } from "../slices/key-places.ts";
import { openNamelessFile } from "../slices/nameless-file.ts";
import { dimensions, fields, measures, neededFields, type Field } from "./statement.ts";
import type { Cell, DayResult } from "./warehouse.ts";

/** How the lines of a day are to be read: they are written here, and so is everything that could be in doubt. */
export const dayMapping = parseMapping({
  name: "warehouse",
  title: "A day out of a warehouse",
  columns: Object.fromEntries(fields.filter((field) => field !== "currency").map((field) => [field, [field]])),
  currencyColumns: ["currency"],
  // Rows that differ in how they write a country or a device are one key's, each with a part of its numbers.
  combine: "sum",
  threeDecimals: true,
  totals: { words: [], summaryLine: false },
  encoding: "utf-8",
  delimiter: ",",
});

/** A day's rows as lines of a file that has no name, ready to be read as any file is. It is to be discarded. */
export interface DayFile {
  rows: number;
  pages: number;
  bytes: number;
  /** The same for the same rows, in whatever order they came. */
  contentHash: string;
  read(signal?: AbortSignal): AsyncIterable<Uint8Array>;
  discard(): Promise<void>;
}

const blockBytes = 1_048_576;
const hashMask = (1n << 256n) - 1n;

/** Writes a result down page by page: memory does not grow with it. */
export async function writeDay(
  result: DayResult,
  { day, onPage }: { day: string; onPage?: (page: number, rows: number) => void },
): Promise<DayFile> {
  const places = placesOf(result.columns);
  const file = await openNamelessFile();
  try {
    const written = await writePages(result, { file, places, day, onPage });
    if (written.rows !== result.rows)
      throw new ConnectorError("malformed", `the answer is cut short: ${written.rows} of ${result.rows} rows came`);
    return { ...written, read: (signal) => readBlocks(file, written.bytes, signal), discard: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Where in a row each field stands. A column that nobody knows could split rows without anybody noticing. */
function placesOf(columns: readonly string[]): Map<Field, number> {
  const places = new Map<Field, number>();
  for (const [index, column] of columns.entries()) {
    if (!(fields as string[]).includes(column))
      throw new ConnectorError("malformed", `column ${index + 1} is no field: columns are named ${fields.join(", ")}`);
    if (places.has(column as Field)) throw new ConnectorError("malformed", `there are two columns ${column}`);
    places.set(column as Field, index);
  }
  const missing = neededFields.filter((field) => !places.has(field));
  if (missing.length > 0) throw new ConnectorError("malformed", `there is no column ${missing.join(", ")}`);
  return new Map(fields.flatMap((field) => (places.has(field) ? [[field, places.get(field) ?? 0] as const] : [])));
}

async function writePages(
  result: DayResult,
  to: {
    file: FileHandle;
    places: ReadonlyMap<Field, number>;
    day: string;
    onPage: ((page: number, rows: number) => void) | undefined;
  },
) {
  const { file, places, day, onPage } = to;
  const keys = new KeyPlaces();
  const split = dimensions.filter((field) => places.has(field));
  let [rows, pages, sum] = [0, 0, 0n];
  let text = `${[...places.keys()].join(",")}\n`;
  let bytes = 0;
  const flush = async () => {
    const block = Buffer.from(text);
    text = "";
    bytes += block.length;
    await file.appendFile(block);
  };
  for await (const page of result.pages()) {
    pages += 1;
    for (const row of page) {
      rows += 1;
      const cell = (field: Field) => row[places.get(field) ?? -1] ?? null;
      checkDay(cell("date"), day);
      // Which of two is meant, or whether both are, only the query can say.
      if (keys.push(JSON.stringify(split.map(cell))) !== null)
        throw new ConnectorError(
          "duplicate_key",
          `row ${rows} has the ${split.join(", ")} of an earlier one: add them up in the query`,
        );
      const line = [...places.keys()].map((field) => written(field, cell(field))).join(",");
      sum = (sum + BigInt(`0x${hash("sha256", line)}`)) & hashMask;
      text += `${line}\n`;
      if (text.length >= blockBytes) await flush();
    }
    onPage?.(pages, rows);
  }
  await flush();
  return { rows, pages, bytes, contentHash: sum.toString(16).padStart(64, "0") };
}

/** A row of another day, or of none, is an answer to another question. */
function checkDay(found: Cell, day: string): void {
  if (found === day) return;
  const shown = found !== null && isDay(found) ? `is about ${found}` : "has a date that is no day";
  throw new ConnectorError(
    "malformed",
    `a row ${shown}, and the question was about ${day}: does the query take the day by another time zone?`,
  );
}

/** A cell of the file. Floats are written as 1.1E2 by some; what they say is the same number in digits. */
function written(field: Field, cell: Cell): string {
  if (cell === null) return "";
  const text = (measures as readonly string[]).includes(field) ? inDigits(cell) : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function inDigits(text: string): string {
  return /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/.test(text) && /[.eE]/.test(text) ? new Big(text).toFixed() : text;
}

async function* readBlocks(file: FileHandle, bytes: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < bytes;) {
    signal?.throwIfAborted();
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(blockBytes), 0, blockBytes, position);
    if (bytesRead === 0) throw new Error(`a file of ${bytes} bytes ends at byte ${position}`);
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
