/** A creative as a file names it. */
export interface NamedCreative {
  /** By which the file's staged lines name it. One creative may have several. */
  number: number;
  /** Null: the file does not say whose it is. */
  buyerId: string | null;
  creativeId: string;
}

/** What is stored of a creative that a line names: nothing against it, nothing at all, or several seats that have it. */
export type CreativeState = "fine" | "unknown" | readonly string[];

export interface KnownCreatives {
  stateOf(buyerId: string | null, creativeId: string): CreativeState;
}

/** Creatives that are remembered: past a million they are forgotten, and have another number when they come again. */
const mostRemembered = 1 << 20;
const firstSlots = 1 << 12;
const firstBytes = 1 << 16;
const zero = 0x30;

/** Why no line of a creative can be taken. */
export interface CreativeFault {
  code: "creative_id" | "unknown_creative";
  reason: string;
}

/**
 * The creatives of a file, found by their bytes: making a string of each line's id would cost more than the rest. A staged
 * line names its creative by a number, and what the number means goes to the database once per creative instead of once per
 * line.
 */
export class FileCreatives {
  /** Of the creative that was found last: hashes of its seat and id, in which leading zeros do not count. */
  high = 0;
  low = 0;

  #bytes = Buffer.allocUnsafe(firstBytes);
  #filled = 0;
  #slots = new Int32Array(firstSlots).fill(-1);
  /** Of each creative: where its bytes begin, how many are the seat's, its number. */
  #starts: number[] = [];
  #seats: number[] = [];
  #numbers: number[] = [];
  #faults: (CreativeFault | null)[] = [];
  #found = -1;
  #count = 0;
  #named: NamedCreative[] = [];

  constructor(private readonly check: (seat: string | null, id: string) => CreativeFault | null) {}

  /** Finds the creative of a line. An id must not be empty; a seat is, where the file names none. */
  find(seat: Part, id: Part): CreativeFault | null {
    let one = 0x811c9dc5;
    let other = 0x9e3779b1;
    for (let at = seat.start; at < seat.end; at += 1) {
      one = Math.imul(one ^ (seat.bytes[at] as number), 0x01000193);
      other = Math.imul((other ^ (seat.bytes[at] as number)) + (other >>> 19), 0x27d4eb2f);
    }
    let start = id.start;
    while (start < id.end && id.bytes[start] === zero) start += 1;
    for (let at = start; at < id.end; at += 1) {
      const byte = id.bytes[at] as number;
      one = Math.imul(one ^ byte, 0x01000193);
      other = Math.imul((other ^ byte) + (other >>> 19), 0x27d4eb2f);
    }
    this.high = one >>> 0;
    this.low = other >>> 0;
    const last = this.#slots.length - 1;
    let slot = (one ^ (one >>> 15)) & last;
    for (; this.#slots[slot] !== -1; slot = (slot + 1) & last)
      if (this.#isAt(this.#slots[slot] as number, seat, id)) {
        this.#found = this.#slots[slot] as number;
        return this.#faults[this.#found] as CreativeFault | null;
      }
    return this.#add(seat, id);
  }

  /** The number of the creative that was found last. It is its own when `use` is called. */
  get number(): number {
    const number = this.#numbers[this.#found] as number;
    return number < 0 ? this.#count : number;
  }

  /** A line of the creative that was found last is taken. */
  use(): void {
    if ((this.#numbers[this.#found] as number) >= 0) return;
    this.#numbers[this.#found] = this.#count;
    const { seat, id } = this.#textsOf(this.#found);
    this.#named.push({ number: this.#count, buyerId: seat, creativeId: id });
    this.#count += 1;
  }

  /** Hands out the creatives that were used for the first time since. */
  named(): NamedCreative[] {
    return this.#named.length === 0 ? this.#named : this.#named.splice(0);
  }

  #isAt(place: number, seat: Part, id: Part): boolean {
    const start = this.#starts[place] as number;
    const seatLength = seat.end - seat.start;
    const length = seatLength + id.end - id.start;
    if (this.#seats[place] !== seatLength || (this.#starts[place + 1] ?? this.#filled) - start !== length) return false;
    for (let at = 0; at < seatLength; at += 1)
      if (this.#bytes[start + at] !== seat.bytes[seat.start + at]) return false;
    for (let at = seatLength, from = id.start; from < id.end; at += 1, from += 1)
      if (this.#bytes[start + at] !== id.bytes[from]) return false;
    return true;
  }

  #add(seat: Part, id: Part): CreativeFault | null {
    if (this.#starts.length >= mostRemembered) this.#forget();
    if (this.#starts.length * 2 >= this.#slots.length) this.#grow();
    const length = seat.end - seat.start + id.end - id.start;
    if (this.#filled + length > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes, Buffer.allocUnsafe(this.#bytes.length + length)]);
    const place = this.#starts.length;
    this.#starts.push(this.#filled);
    this.#seats.push(seat.end - seat.start);
    this.#numbers.push(-1);
    for (const part of [seat, id]) {
      part.bytes.copy(this.#bytes, this.#filled, part.start, part.end);
      this.#filled += part.end - part.start;
    }
    this.#put(place, this.high);
    const texts = this.#textsOf(place);
    const fault = this.check(texts.seat, texts.id);
    this.#faults.push(fault);
    this.#hashes.push(this.high);
    this.#found = place;
    return fault;
  }

  readonly #hashes: number[] = [];

  #put(place: number, hash: number): void {
    const last = this.#slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & last;
    while (this.#slots[slot] !== -1) slot = (slot + 1) & last;
    this.#slots[slot] = place;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (const [place, hash] of this.#hashes.entries()) this.#put(place, hash);
  }

  #forget(): void {
    this.#slots.fill(-1);
    this.#filled = 0;
    for (const list of [this.#starts, this.#seats, this.#numbers, this.#faults, this.#hashes]) list.length = 0;
  }

  #textsOf(place: number): { seat: string | null; id: string } {
    const start = this.#starts[place] as number;
    const middle = start + (this.#seats[place] as number);
    const end = this.#starts[place + 1] ?? this.#filled;
    return {
      seat: middle === start ? null : this.#bytes.toString("utf8", start, middle),
      id: this.#bytes.toString("utf8", middle, end),
    };
  }
}

/** A cell, or what of it counts. */
export interface Part {
  bytes: Buffer;
  start: number;
  end: number;
}
