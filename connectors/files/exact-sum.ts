/** A sum of whole numbers that stays exact: plain numbers while they are, big ones above. */
export class ExactSum {
  #small = 0;
  #large = 0n;

  /** A whole number below 10^15. */
  add(value: number): void {
    this.#small += value;
    if (this.#small > 4e15) {
      this.#large += BigInt(this.#small);
      this.#small = 0;
    }
  }

  addLarge(value: bigint): void {
    this.#large += value;
  }

  get total(): bigint {
    return this.#large + BigInt(this.#small);
  }
}
