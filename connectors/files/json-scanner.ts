import { FileRefused } from "./reasons.ts";
import type { Taken } from "./shapes.ts";

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;
const comma = 0x2c;
const openList = 0x5b;
const backslash = 0x5c;
const closeList = 0x5d;
const openRecord = 0x7b;
const closeRecord = 0x7d;

/** A record as it was found: from its opening brace to behind its closing one. */
export interface FoundRecord {
  bytes: Buffer;
  start: number;
  end: number;
  /** The line that it begins in; where several begin in one line, each has the number after that of the one before. */
  line: number;
  /** Whether it has its line for itself, so that what is wrong with it is wrong with no other. */
  isAlone: boolean;
}

export interface RecordSink {
  record(found: FoundRecord): void;
  /** A record that is longer than one may be; `beginning` is what was kept of it. */
  tooLong(line: number, beginning: Buffer): void;
}

/**
 * Finds the records of a JSON text, which is one list of them or one after the other, in pieces that begin and end anywhere.
 * It follows braces and quotation marks only: what stands between them is for the sink.
 */
export class JsonScanner {
  #where: "start" | "list" | "lines" | "ended" = "start";
  #wants: "first" | "record" | "comma" = "first";
  /** The line of the text, and the number of the last record. */
  #line: number;
  #number = 0;
  /** The line in which the last record ended. */
  #endedIn = 0;
  /** Whether the piece before ended in one half of a line break. */
  #endsInReturn = false;
  // Of the record that is open.
  #depth = 0;
  #inText = false;
  #escaped = false;
  /** Whether it is too long to be kept, and only its end is sought. */
  #skips = false;

  constructor(
    private readonly sink: RecordSink,
    private readonly maxBytes: number,
    line = 1,
  ) {
    this.#line = line;
  }

  take(bytes: Buffer, last: boolean): Taken {
    const taken = this.#take(bytes, last);
    if (bytes.length > 0) this.#endsInReturn = bytes[bytes.length - 1] === carriageReturn;
    return taken;
  }

  #take(bytes: Buffer, last: boolean): Taken {
    let at = this.#skips ? this.#skipRest(bytes) : 0;
    for (;;) {
      at = this.#blanks(bytes, at);
      if (at >= bytes.length) break;
      if (bytes[at] !== openRecord || this.#wants === "comma") at = this.#mark(bytes[at] as number, at);
      else {
        const end = this.#record(bytes, at, last);
        if (end < 0) return { rest: this.#skips ? bytes.subarray(bytes.length) : bytes.subarray(at), then: "more" };
        at = end;
      }
    }
    if (last) this.#finish();
    return { rest: bytes.subarray(bytes.length), then: "more" };
  }

  #skipRest(bytes: Buffer): number {
    const end = this.#endOf(bytes, 0);
    if (end < 0) return bytes.length;
    this.#close();
    return end;
  }

  /** Takes the record that begins here; -1 when it is not over yet. */
  #record(bytes: Buffer, start: number, last: boolean): number {
    const begun = this.#line;
    this.#depth = 0;
    this.#inText = this.#escaped = false;
    const end = this.#endOf(bytes, start);
    const number = Math.max(begun, this.#number + 1);
    if (end < 0 && bytes.length - start > this.maxBytes) {
      this.sink.tooLong(number, bytes.subarray(start));
      this.#number = number;
      this.#skips = true;
      if (last) throw this.#cut(begun);
      return -1;
    }
    if (end < 0) {
      if (last) throw this.#cut(begun);
      // It is read from its beginning when more of it is here.
      this.#line = begun;
      return -1;
    }
    this.#number = number;
    const isAlone = begun > this.#endedIn && this.#line === begun && endsLine(bytes, end);
    if (end - start > this.maxBytes) this.sink.tooLong(number, bytes.subarray(start, end));
    else this.sink.record({ bytes, start, end, line: number, isAlone });
    this.#close();
    return end;
  }

  #close(): void {
    this.#skips = false;
    this.#endedIn = this.#line;
    if (this.#where === "start") this.#where = "lines";
    this.#wants = this.#where === "list" ? "comma" : "record";
  }

  /** Where the record that is open ends, behind its brace; -1 when it goes on. */
  #endOf(bytes: Buffer, from: number): number {
    let depth = this.#depth;
    let inText = this.#inText;
    for (let at = this.#escaped ? from + 1 : from; at < bytes.length; at += 1) {
      const byte = bytes[at] as number;
      if (inText) {
        if (byte === quote) inText = false;
        else if (byte === backslash) at += 1;
        else if (byte === lineFeed || byte === carriageReturn)
          throw this.#refusal(`line ${this.#line}: a quotation mark is opened in this line and not closed`);
        this.#escaped = at >= bytes.length;
      } else if (byte === quote) inText = true;
      else if (byte === openRecord || byte === openList) depth += 1;
      else if (byte === closeRecord || byte === closeList) {
        depth -= 1;
        if (depth === 0) return at + 1;
      } else if (byte < 0x20) this.#break(byte, bytes[at - 1]);
    }
    this.#depth = depth;
    this.#inText = inText;
    return -1;
  }

  #blanks(bytes: Buffer, from: number): number {
    let at = from;
    for (; at < bytes.length && (bytes[at] as number) <= 0x20; at += 1) this.#break(bytes[at] as number, bytes[at - 1]);
    return at;
  }

  /** `before` is undefined at the start of a piece. */
  #break(byte: number, before: number | undefined): void {
    const isOneBreak = byte === lineFeed && (before === undefined ? this.#endsInReturn : before === carriageReturn);
    if (byte === carriageReturn || (byte === lineFeed && !isOneBreak)) this.#line += 1;
  }

  /** A sign between records. */
  #mark(byte: number, at: number): number {
    if (this.#where === "start" && byte === openList) this.#where = "list";
    else if (this.#where === "list" && byte === comma && this.#wants === "comma") this.#wants = "record";
    else if (this.#where === "list" && byte === closeList && this.#wants !== "record") this.#where = "ended";
    else if (this.#where === "ended")
      throw this.#refusal(`line ${this.#line}: something stands behind the end of the list`);
    else
      throw this.#refusal(
        this.#wants === "comma"
          ? `line ${this.#line}: after a record of a list comes a comma, or the end of the list`
          : `line ${this.#line}: a record is expected here, in braces: {"date": "2025-12-18", …}`,
      );
    return at + 1;
  }

  #finish(): void {
    if (this.#skips) throw this.#cut(this.#line);
    if (this.#where === "list") throw this.#refusal(`line ${this.#line}: the list is not closed: the file was cut off`);
  }

  #cut(line: number): FileRefused {
    return this.#refusal(`line ${line}: the record that begins here is not closed: the file was cut off`, line);
  }

  #refusal(why: string, line = this.#line): FileRefused {
    return new FileRefused("json", why, { line });
  }
}

function endsLine(bytes: Buffer, end: number): boolean {
  let at = end;
  while (at < bytes.length && (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === comma)) at += 1;
  return at >= bytes.length || [lineFeed, carriageReturn, closeList].includes(bytes[at] as number);
}
