const wordBits = 22;
/** More of them, and it is no use to name them one by one. */
export const mostDoubtful = 100_000;

/**
 * Which lines may have the key of an earlier one: without a doubtful line, no key is there twice. It keeps two bits for
 * each key in 16 MB, whatever the file's size, so it may doubt where nothing is wrong (one line in 2,000 of the first
 * million) and never passes over a doubled key.
 */
export class SeenKeys {
  readonly #words = new Uint32Array(1 << wordBits);
  #doubtful: number[] | null = [];

  /** Takes the key of a line: bytes that are equal where keys are. */
  take(line: number, bytes: Uint8Array, start: number, end: number): void {
    let one = 0x811c9dc5;
    let other = 0x2c1b3c6d;
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at] as number;
      one = Math.imul(one ^ byte, 0x01000193);
      other = Math.imul(other ^ byte, 0x9e3779b1);
    }
    one = Math.imul(one ^ (one >>> 16), 0x85ebca6b);
    other ^= other >>> 15;
    const place = one >>> (32 - wordBits);
    const bits = (1 << (other & 31)) | (1 << ((other >>> 5) & 31));
    const word = this.#words[place] as number;
    if ((word & bits) !== bits) this.#words[place] = word | bits;
    else if (this.#doubtful !== null) {
      this.#doubtful.push(line);
      if (this.#doubtful.length > mostDoubtful) this.#doubtful = null;
    }
  }

  /** Lines in the order of the file; null where there were too many to keep. */
  get doubtful(): readonly number[] | null {
    return this.#doubtful;
  }
}
