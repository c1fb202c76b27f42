/** Bits of a key lie within one line of the processor's cache: 16 words, of which there are 2^18 in the end. */
const blockBits = 18;
/** A short file does without them: 2^8 blocks for its first keys, whose hashes are kept until there are too many. */
const firstBits = 8;
const firstKeys = 2_048;
/** More of them, and it is no use to name them one by one. */
export const mostDoubtful = 100_000;

/**
 * The key of a line: its creative as two hashes, equal where the creative may be, a day as YYYYMMDD, and the bytes from
 * `start` to `end` that are equal where the rest of the keys is. The reader fills it again for each line.
 */
export interface LineKey {
  high: number;
  low: number;
  day: number;
  bytes: Uint8Array;
  start: number;
  end: number;
}

/**
 * Which lines may have the key of an earlier one: a line that is not doubtful has a key of its own. It keeps five bits of
 * each key in 16 MB, whatever the file's size. So it may doubt where nothing is wrong: of a million lines hardly one, of
 * five million about a hundred. It never passes over a doubled key.
 */
export class SeenKeys {
  #bits = firstBits;
  #words = new Uint32Array(16 << firstBits);
  /** Two hashes of each of the first keys, until all blocks are there. */
  #first: Int32Array | null = new Int32Array(2 * firstKeys);
  #taken = 0;
  #doubtful: number[] | null = [];

  /** Takes the key of a line. */
  take(line: number, { high, low, day, bytes, start, end }: LineKey): void {
    let one = Math.imul(high ^ day, 0xcc9e2d51);
    let other = Math.imul(low ^ (day << 9), 0x9e3779b1);
    one = Math.imul((one ^ (one >>> 15)) + low, 0x85ebca6b);
    other = Math.imul((other ^ (other >>> 16)) + high, 0xc2b2ae35);
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at] as number;
      one = Math.imul(one ^ byte, 0x01000193);
      other = Math.imul((other ^ byte) + (other >>> 19), 0x27d4eb2f);
    }
    one = Math.imul(one ^ (one >>> 15), 0xc2b2ae35);
    other = Math.imul(other ^ (other >>> 13), 0x165667b1);
    other ^= other >>> 16;

    if (this.#first !== null) this.#keep(this.#first, one, other);
    if (this.#setAll(one, other) || this.#doubtful === null) return;
    this.#doubtful.push(line);
    if (this.#doubtful.length > mostDoubtful) this.#doubtful = null;
  }

  #keep(first: Int32Array, one: number, other: number): void {
    if (this.#taken === firstKeys) {
      this.#first = null;
      this.#bits = blockBits;
      this.#words = new Uint32Array(16 << blockBits);
      for (let at = 0; at < first.length; at += 2) this.#setAll(first[at] as number, first[at + 1] as number);
      return;
    }
    first[2 * this.#taken] = one;
    first[2 * this.#taken + 1] = other;
    this.#taken += 1;
  }

  /** Whether one of the key's bits was not set. */
  #setAll(one: number, other: number): boolean {
    const block = (one >>> (32 - this.#bits)) << 4;
    // Five places in the block, nine bits of the hashes each.
    const spare = ((one & 0x3fff) << 5) | (other >>> 27);
    let isNew = this.#set(block, other);
    isNew = this.#set(block, other >>> 9) || isNew;
    isNew = this.#set(block, other >>> 18) || isNew;
    isNew = this.#set(block, spare) || isNew;
    return this.#set(block, spare >>> 9) || isNew;
  }

  /** Whether the bit was not set. */
  #set(block: number, place: number): boolean {
    const word = block + ((place >>> 5) & 15);
    const mask = 1 << (place & 31);
    const before = this.#words[word] as number;
    if ((before & mask) !== 0) return false;
    this.#words[word] = before | mask;
    return true;
  }

  /** Lines in the order of the file; null where there were too many to keep. */
  get doubtful(): readonly number[] | null {
    return this.#doubtful;
  }
}
