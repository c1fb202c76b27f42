import { createHash, hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { fromMicros, toMicros } from "../../core/money.ts";
import { dataColumns, rowKey, type MergeColumn } from "../../schema/merge-key.ts";
import { copyLine } from "./copy-text.ts";
import { ConnectorError } from "../errors.ts";
import { KeyPlaces } from "./key-places.ts";
import { openNamelessFile } from "./nameless-file.ts";
import { NumberList } from "./number-list.ts";
import type { AnySource } from "../source.ts";

export type Row = Record<string, unknown>;

/** More rows than this lie in a file until they are stored: a worker's memory does not grow with a vendor's day. */
const mostHeld = 5_000;

/** Gathers the rows of a slice page by page. Of each, some fifty bytes stay in memory: digests of key and content, and the amount. */
export class SliceRows {
  readonly #key: MergeColumn[];
  readonly #columns: MergeColumn[];
  /** A row's place is how many came before it. */
  readonly #places = new KeyPlaces();
  readonly #amounts = new NumberList(BigInt64Array);
  readonly #digests = new NumberList(BigUint64Array);
  readonly #replaced: number[] = [];
  #pages = 0;
  #pageStart = 0;
  #page: string[] = [];
  #held: Row[] = [];
  #spool: Spool | null = null;

  constructor(
    private readonly source: Pick<AnySource, "table" | "amount" | "currency">,
    private readonly limit = mostHeld,
  ) {
    this.#key = rowKey(source.table);
    this.#columns = dataColumns(source.table);
  }

  get length(): number {
    return this.#digests.length - this.#replaced.length;
  }

  /**
   * Takes a row; says whether it takes the place of one on an earlier page. One key twice on one page is an error:
   * picking a winner would lose money.
   */
  add(row: Row): boolean {
    const earlier = this.#places.push(JSON.stringify(this.#key.map(({ property }) => row[property] ?? null)));
    if (earlier !== null && earlier >= this.#pageStart)
      throw new ConnectorError("duplicate_key", `page ${this.#pages + 1} has ${this.#nameOf(row)} twice`);
    const line = copyLine(row, this.#columns);
    this.#digests.push(BigInt(`0x${hash("sha256", line).slice(0, 16)}`));
    this.#amounts.push(this.#isSummed(row) ? toMicros(String(row[this.source.amount])) : 0n);
    this.#page.push(line);
    if (this.#spool === null) this.#held.push(row);
    if (earlier !== null) this.#replaced.push(earlier);
    return earlier !== null;
  }

  /** Ends a page; gives a hash of its rows in their order. */
  async endPage(): Promise<string> {
    const lines = this.#page;
    if (this.#spool !== null) await this.#spool.write(lines);
    else if (this.#held.length > this.limit) {
      this.#spool = await Spool.open();
      await this.#spool.write(this.#held.map((row) => copyLine(row, this.#columns)));
      this.#held = [];
    }
    this.#page = [];
    this.#pages += 1;
    this.#pageStart = this.#digests.length;
    return hash("sha256", lines.join("\n"));
  }

  /** The exact sum of the source's amount over the rows that stay, in the one currency it is summed in. */
  total(): string {
    let sum = 0n;
    for (let place = 0; place < this.#amounts.length; place += 1) sum += this.#amounts.at(place);
    for (const place of this.#replaced) sum -= this.#amounts.at(place);
    return fromMicros(sum);
  }

  /** The same content gives the same hash, in whatever order the vendor sent it. */
  contentHash(): string {
    const digests = BigUint64Array.from(this.#staying(), (place) => this.#digests.at(place));
    return createHash("sha256").update(digests.sort()).digest("hex");
  }

  /** The rows themselves, or where they are. */
  rows(): Row[] | SpooledRows {
    if (this.#spool !== null) return new SpooledRows(this.length, this.#replaced, this.#spool);
    return [...this.#staying()].map((place) => this.#held[place] as Row);
  }

  async discard(): Promise<void> {
    await this.#spool?.close();
  }

  *#staying(): Generator<number> {
    const replaced = new Set(this.#replaced);
    for (let place = 0; place < this.#digests.length; place += 1) if (!replaced.has(place)) yield place;
  }

  #nameOf(row: Row): string {
    return this.#key.map(({ property, name }) => `${name} ${JSON.stringify(row[property] ?? null)}`).join(", ");
  }

  #isSummed(row: Row): boolean {
    const { currency } = this.source;
    return currency === undefined || row[currency.column] === currency.summed;
  }
}

/** Rows that were too many to hold: COPY text of the table's data columns, each line led by the row's place. */
export class SpooledRows {
  constructor(
    readonly length: number,
    /** Places of rows that a later page has replaced. */
    readonly replaced: readonly number[],
    private readonly spool: Spool,
  ) {}

  /** Each of whole lines. */
  blocks(): AsyncIterable<Buffer> {
    return this.spool.blocks();
  }
}

class Spool {
  #lines = 0;
  readonly #blocks: number[] = [];

  private constructor(private readonly file: FileHandle) {}

  static async open(): Promise<Spool> {
    return new Spool(await openNamelessFile());
  }

  async write(lines: string[]): Promise<void> {
    if (lines.length === 0) return;
    const bytes = Buffer.from(lines.map((line, index) => `${this.#lines + index}\t${line}\n`).join(""));
    await this.file.appendFile(bytes);
    this.#lines += lines.length;
    this.#blocks.push(bytes.length);
  }

  async *blocks(): AsyncGenerator<Buffer> {
    let position = 0;
    for (const length of this.#blocks) {
      const { bytesRead, buffer } = await this.file.read(Buffer.allocUnsafe(length), 0, length, position);
      if (bytesRead < length) throw new Error(`a file of ${this.#lines} rows ends at byte ${position + bytesRead}`);
      position += length;
      yield buffer;
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
