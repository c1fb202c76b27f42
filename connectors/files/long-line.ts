const quote = 0x22;

/** Finds the end of a record that is too long to keep, over as many pieces as it takes. */
export class LongLine {
  #state: "start" | "plain" | "quoted" | "closing" = "start";
  #afterReturn = false;
  /** Line breaks within and at the end of it. */
  breaks = 0;

  constructor(private readonly delimiter: number) {}

  /** Where the record ends in this piece, behind its line break; -1 when it goes on. */
  end(piece: Buffer): number {
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at] as number;
      if (this.#afterReturn) {
        this.#afterReturn = false;
        if (this.#state !== "quoted") return byte === 0x0a ? at + 1 : at;
        if (byte === 0x0a) continue;
      }
      if (this.#state === "closing") {
        if (byte === quote) {
          this.#state = "quoted";
          continue;
        }
        this.#state = "plain";
      }
      if (this.#state === "quoted") {
        if (byte === quote) this.#state = "closing";
        else if (byte === 0x0a || byte === 0x0d) this.#break(byte);
        continue;
      }
      if (byte === 0x0a || byte === 0x0d) {
        this.#break(byte);
        if (byte === 0x0a) return at + 1;
      } else if (byte === this.delimiter) this.#state = "start";
      else if (this.#state === "start" && byte === quote) this.#state = "quoted";
      else if (byte > 0x20) this.#state = "plain";
    }
    return -1;
  }

  #break(byte: number): void {
    this.breaks += 1;
    this.#afterReturn = byte === 0x0d;
  }

  /** Whether the file ended in the middle of a quoted cell. */
  get open(): boolean {
    return this.#state === "quoted";
  }
}
