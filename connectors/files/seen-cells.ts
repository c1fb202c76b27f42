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
