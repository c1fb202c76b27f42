const slots = 4_096;
const longest = 64;

/** What cells that were read before came to, found by their bytes without making a string of them. */
export class SeenCells<Value> {
  readonly #cells: (Buffer | undefined)[] = new Array<Buffer | undefined>(slots).fill(undefined);
  readonly #values: (Value | undefined)[] = new Array<Value | undefined>(slots).fill(undefined);

  get(bytes: Uint8Array, start: number, end: number): Value | undefined {
    if (end - start > longest) return undefined;
    const slot = slotOf(bytes, start, end);
    const cell = this.#cells[slot];
    if (cell === undefined || cell.length !== end - start) return undefined;
    for (let at = 0; at < cell.length; at += 1) if (cell[at] !== bytes[start + at]) return undefined;
    return this.#values[slot];
  }

  set(bytes: Uint8Array, start: number, end: number, value: Value): void {
    if (end - start > longest) return;
    const slot = slotOf(bytes, start, end);
    this.#cells[slot] = Buffer.from(bytes.subarray(start, end));
    this.#values[slot] = value;
  }
}

function slotOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return (hash ^ (hash >>> 15)) & (slots - 1);
}

/** Which creatives are known, by their digits: asking a set of strings for each line would cost more than the rest. */
export class SeenIds {
  readonly #high = new Float64Array(1 << 16).fill(-1);
  readonly #low = new Float64Array(1 << 16);
  readonly #known = new Uint8Array(1 << 16);

  constructor(private readonly creatives: { has(id: string): boolean }) {}

  /** `high` are the digits before the last nine, `low` the last nine. */
  has(high: number, low: number): boolean {
    const slot = (Math.imul(low, 0x9e3779b1) ^ Math.imul(high | 0, 0x85ebca6b)) >>> 16;
    if (this.#high[slot] !== high || this.#low[slot] !== low) {
      this.#high[slot] = high;
      this.#low[slot] = low;
      const id = high === 0 ? String(low) : `${high}${String(low).padStart(9, "0")}`;
      this.#known[slot] = this.creatives.has(id) ? 1 : 0;
    }
    return this.#known[slot] === 1;
  }
}
