import { createHash, hash, randomUUID } from "node:crypto";
import { open, unlink, type FileHandle } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fromMicros, toMicros } from "../core/money.ts";
import { dataColumns, rowKey, type MergeColumn } from "../schema/merge-key.ts";
import { copyLine } from "./copy-text.ts";
import type { AnySource } from "./source.ts";

export type Row = Record<string, unknown>;

/** More rows than this lie in a file until they are stored: a worker's memory does not grow with a vendor's day. */
const mostHeld = 5_000;

/** Gathers the rows of a slice page by page. Of each stays in memory, however many there are, its key, its amount and its digest. */
export class SliceRows {
  readonly #key: MergeColumn[];
  readonly #columns: MergeColumn[];
  /** The place of a row is how many came before it; a key's is that of its last row. */
  readonly #places = new Map<string, number>();
  readonly #replaced: number[] = [];
  readonly #amounts = new Numbers(BigInt64Array);
  readonly #digests = new Numbers(BigUint64Array);
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
    return this.#places.size;
  }

  /** Takes a row, if its key is not on this page yet; of an earlier page's row with the key it takes the place. */
  add(row: Row): "added" | "replaced" | "twice" {
    const key = JSON.stringify(this.#key.map(({ property }) => row[property] ?? null));
    const known = this.#places.get(key);
    if (known !== undefined && known >= this.#pageStart) return "twice";
    const line = copyLine(row, this.#columns);
    this.#places.set(key, this.#digests.length);
    this.#digests.push(hash("sha256", line, "buffer").readBigUInt64LE());
    this.#amounts.push(this.#isSummed(row) ? toMicros(String(row[this.source.amount])) : 0n);
    this.#page.push(line);
    if (this.#spool === null) this.#held.push(row);
    if (known === undefined) return "added";
    this.#replaced.push(known);
    return "replaced";
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
    this.#pageStart = this.#digests.length;
    return hash("sha256", lines.join("\n"));
  }

  /** The exact sum of the source's amount over the rows that stay, in the one currency it is summed in. */
  total(): string {
    let sum = 0n;
    for (const place of this.#places.values()) sum += this.#amounts.at(place);
    return fromMicros(sum);
  }

  /** The same content gives the same hash, in whatever order the vendor sent it. */
  contentHash(): string {
    const digests = new BigUint64Array(this.length);
    let index = 0;
    for (const place of this.#places.values()) digests[index++] = this.#digests.at(place);
    return createHash("sha256").update(digests.sort()).digest("hex");
  }

  /** The rows themselves, or where they are. */
  rows(): Row[] | SpooledRows {
    if (this.#spool !== null) return new SpooledRows(this.length, this.#replaced, this.#spool);
    return [...this.#places.values()].map((place) => this.#held[place] as Row);
  }

  async discard(): Promise<void> {
    await this.#spool?.close();
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

/** A file without a name: whatever becomes of the process, nothing is left behind. */
class Spool {
  #lines = 0;
  readonly #blocks: number[] = [];

  private constructor(private readonly file: FileHandle) {}

  static async open(): Promise<Spool> {
    const name = path.join(os.tmpdir(), `signal-room-${randomUUID()}`);
    const file = await open(name, "wx+", 0o600);
    await unlink(name);
    return new Spool(file);
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

/** A list of 64-bit numbers, at eight bytes each. */
class Numbers<List extends BigInt64Array | BigUint64Array> {
  length = 0;
  #list: List;

  constructor(private readonly kind: new (length: number) => List) {
    this.#list = new kind(1_024);
  }

  push(value: bigint): void {
    if (this.length === this.#list.length) {
      const longer = new this.kind(2 * this.length);
      longer.set(this.#list);
      this.#list = longer;
    }
    this.#list[this.length] = value;
    this.length += 1;
  }

  at(index: number): bigint {
    const value = this.#list[index];
    if (value === undefined) throw new RangeError(`there are ${this.length} numbers, and none at ${index}`);
    return value;
  }
}
