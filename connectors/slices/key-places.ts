import { hash } from "node:crypto";
import { NumberList } from "./number-list.ts";

/**
 * Where in a long list each key was last: some thirty bytes a key outside the garbage collector's heap, whatever its length.
 * A key is known by 128 bits of its SHA-256.
 */
export class KeyPlaces {
  readonly #digests = new NumberList(BigUint64Array);
  /** By digest, the place and one; zero is free. */
  #slots = new Uint32Array(2_048);

  /** The key of the next place in the list; gives the place where it was before. */
  push(key: string): number | null {
    const digest = hash("sha256", key);
    const first = BigInt(`0x${digest.slice(0, 16)}`);
    const second = BigInt(`0x${digest.slice(16, 32)}`);
    const place = this.#digests.length / 2;
    if (2 * place >= this.#slots.length) this.#widen();
    const slot = this.#find(first, second);
    const before = this.#slots[slot] ?? 0;
    this.#digests.push(first);
    this.#digests.push(second);
    this.#slots[slot] = place + 1;
    return before === 0 ? null : before - 1;
  }

  /** The key's slot, or the free one that it would take. */
  #find(first: bigint, second: bigint): number {
    const mask = this.#slots.length - 1;
    for (let slot = Number(first & 0xffff_ffffn) & mask; ; slot = (slot + 1) & mask) {
      const taken = this.#slots[slot] ?? 0;
      if (taken === 0) return slot;
      const at = 2 * (taken - 1);
      if (this.#digests.at(at) === first && this.#digests.at(at + 1) === second) return slot;
    }
  }

  #widen(): void {
    const places = this.#slots.filter((taken) => taken !== 0);
    this.#slots = new Uint32Array(2 * this.#slots.length);
    for (const taken of places) {
      const at = 2 * (taken - 1);
      this.#slots[this.#find(this.#digests.at(at), this.#digests.at(at + 1))] = taken;
    }
  }
}
