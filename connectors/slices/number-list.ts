/** A list of 64-bit numbers that takes eight bytes for each, outside the heap that the garbage collector goes through. */
export class NumberList<Numbers extends BigInt64Array | BigUint64Array> {
  length = 0;
  #numbers: Numbers;

  constructor(private readonly kind: new (length: number) => Numbers) {
    this.#numbers = new kind(1_024);
  }

  push(value: bigint): void {
    if (this.length === this.#numbers.length) {
      const longer = new this.kind(2 * this.length);
      longer.set(this.#numbers);
      this.#numbers = longer;
    }
    this.#numbers[this.length] = value;
    this.length += 1;
  }

  at(index: number): bigint {
    const value = index < this.length ? this.#numbers[index] : undefined;
    if (value === undefined) throw new RangeError(`there are ${this.length} numbers, and none at ${index}`);
    return value;
  }
}
