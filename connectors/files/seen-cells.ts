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

const most = 1 << 20;

/** Which creatives are known, by their digits: asking a set of strings for each line would cost more than the rest. */
export class SeenIds {
  /** Pairs of the high digits and the low ones, the latter with a billion on top where the creative is known. */
  #pairs = new Float64Array(2 << 14).fill(-1);
  #count = 0;

  constructor(private readonly creatives: { has(id: string): boolean }) {}

  /** `high` are the digits before the last nine, `low` the last nine. */
  has(high: number, low: number): boolean {
    const pairs = this.#pairs;
    const last = pairs.length - 2;
    let slot = slotOfId(high, low) & last;
    for (;;) {
      if (pairs[slot] === high) {
        const found = (pairs[slot + 1] as number) - low;
        if (found === 0) return false;
        if (found === billion) return true;
      } else if (pairs[slot] === -1) break;
      slot = (slot + 2) & last;
    }
    const known = this.creatives.has(idText(high, low));
    this.#keep(high, low, known);
    return known;
  }

  #keep(high: number, low: number, known: boolean): void {
    if (this.#count * 4 > this.#pairs.length) {
      const old = this.#pairs;
      const grown = old.length < most * 2;
      // Past a million creatives it is emptied: a cache must not grow with the file.
      this.#pairs = new Float64Array(grown ? old.length * 2 : old.length).fill(-1);
      this.#count = 0;
      if (grown)
        for (let slot = 0; slot < old.length; slot += 2)
          if (old[slot] !== -1) this.#put(old[slot] as number, old[slot + 1] as number);
    }
    this.#put(high, low + (known ? billion : 0));
  }

  #put(high: number, lowAndKnown: number): void {
    const pairs = this.#pairs;
    const last = pairs.length - 2;
    let slot = slotOfId(high, lowAndKnown % billion) & last;
    while (pairs[slot] !== -1) slot = (slot + 2) & last;
    pairs[slot] = high;
    pairs[slot + 1] = lowAndKnown;
    this.#count += 1;
  }
}

const billion = 1_000_000_000;

function slotOfId(high: number, low: number): number {
  const mixed = Math.imul(low, 0x9e3779b1) ^ Math.imul(high | 0, 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

/** An id from its digits before the last nine and the last nine. */
export function idText(high: number, low: number): string {
  return high === 0 ? String(low) : `${high}${String(low).padStart(9, "0")}`;
}
