const tab = 0x09;
const zero = 0x30;
const nine = 0x39;
const backslash = 0x5c;
const blockSize = 131_072;
/** No line is longer: three texts of 128 characters, each of four bytes or escaped, and some numbers. */
const longestLine = 4_096;

/**
 * Lines as COPY takes them, written into blocks. What is written most is written here; a loop that looks at each byte of
 * a cell may write to `block` itself, and says in `at` how far it came.
 */
export class CopyText {
  block = Buffer.allocUnsafeSlow(blockSize);
  at = 0;
  #full: Buffer[] = [];

  /** Begins a line by its number, and says where it begins. */
  begin(line: number): number {
    if (this.at + longestLine > blockSize) this.#next();
    const begin = this.at;
    this.#lineNumber(line);
    return begin;
  }

  /** Begins the next column. */
  column(): void {
    this.block[this.at++] = tab;
  }

  end(): void {
    this.block[this.at++] = 0x0a;
  }

  /** Hands out what is written; the last block with it when `last` says so. */
  blocks(last: boolean): Buffer[] {
    if (last && this.at > 0) this.#next();
    return this.#full.splice(0);
  }

  #next(): void {
    this.#full.push(this.block.subarray(0, this.at));
    this.block = Buffer.allocUnsafeSlow(blockSize);
    this.at = 0;
  }

  #lastLine = -1;
  readonly #lineDigits = Buffer.alloc(16, zero);
  #lineStart = 16;

  /** The number of a line, which is mostly one more than that of the line before. */
  #lineNumber(line: number): void {
    const digits = this.#lineDigits;
    if (line === this.#lastLine + 1) {
      let at = 15;
      for (; digits[at] === nine; at -= 1) digits[at] = zero;
      digits[at] = (digits[at] as number) + 1;
      if (at < this.#lineStart) this.#lineStart = at;
    } else {
      const text = String(line);
      digits.fill(zero);
      this.#lineStart = 16 - digits.write(text, 16 - text.length, "latin1");
    }
    this.#lastLine = line;
    this.copy(digits, this.#lineStart, 16);
  }

  /** A whole number in decimal digits. */
  number(value: number): void {
    let digits = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits += 1;
    this.digits(value, digits);
  }

  /** A whole number in so many digits. */
  digits(value: number, digits: number): void {
    let rest = value;
    for (let at = this.at + digits - 1; at >= this.at; at -= 1) {
      const next = Math.floor(rest / 10);
      this.block[at] = zero + rest - next * 10;
      rest = next;
    }
    this.at += digits;
  }

  copy(bytes: Uint8Array, start: number, end: number): void {
    const block = this.block;
    let at = this.at;
    for (let from = start; from < end; from += 1) block[at++] = bytes[from] as number;
    this.at = at;
  }

  text(text: string): void {
    this.at += this.block.write(text, this.at, "latin1");
  }

  /** Text of any kind. */
  escaped(text: string): void {
    const safe = text.replace(/[\\\t\n\r]/g, (sign) => ({ "\t": "\\t", "\n": "\\n", "\r": "\\r" })[sign] ?? "\\\\");
    this.at += this.block.write(safe, this.at, "utf8");
  }

  /** NULL. */
  nothing(): true {
    this.block[this.at] = backslash;
    this.block[this.at + 1] = 0x4e;
    this.at += 2;
    return true;
  }
}
