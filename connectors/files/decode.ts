import { isAscii, isUtf8 } from "node:buffer";
import iconv from "iconv-lite";
import { FileRefused } from "./reasons.ts";

/** A file's text as UTF-8, in pieces that begin and end anywhere but within a character. */
export interface DecodedFile {
  pieces: AsyncIterable<Buffer>;
  /** What the bytes were, once the first piece is there. */
  encoding: () => string;
  /** Bytes of the file that were taken so far. */
  bytes: () => number;
}

const longestPiece = 262_144;
const sample = 4_096;

/** Takes the encoding from the byte order mark, else from the mapping, else it must be UTF-8 or plainly UTF-16. */
export function decodeFile(bytes: AsyncIterable<Uint8Array>, stated: string, signal?: AbortSignal): DecodedFile {
  let encoding = "utf-8";
  let taken = 0;
  async function* pieces(): AsyncGenerator<Buffer> {
    let start: Buffer | null = Buffer.alloc(0);
    let decode: Decode | null = null;
    for await (const chunk of bytes) {
      signal?.throwIfAborted();
      let raw = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      taken += raw.length;
      if (start !== null) {
        start = start.length === 0 ? raw : Buffer.concat([start, raw]);
        if (start.length < sample) continue;
        raw = start;
        start = null;
      }
      if (decode === null) [encoding, decode, raw] = begin(raw, stated);
      for (let at = 0; at < raw.length; at += longestPiece) {
        const piece = decode(raw.subarray(at, at + longestPiece), false);
        if (piece.length > 0) yield piece;
      }
    }
    if (start !== null) {
      [encoding, decode, start] = begin(start, stated);
      const piece = decode(start, false);
      if (piece.length > 0) yield piece;
    }
    const rest = decode?.(Buffer.alloc(0), true);
    if (rest !== undefined && rest.length > 0) yield rest;
  }
  return { pieces: pieces(), encoding: () => encoding, bytes: () => taken };
}

/** The same of a file that is there whole, whose encoding nobody states. */
export function decodeWhole(bytes: Uint8Array): string {
  const [, decode, rest] = begin(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), "auto");
  return Buffer.concat([decode(rest, false), decode(Buffer.alloc(0), true)]).toString("utf8");
}

type Decode = (bytes: Buffer, last: boolean) => Buffer;

const marks: [string, number[]][] = [
  ["utf-32le", [0xff, 0xfe, 0, 0]],
  ["utf-32be", [0, 0, 0xfe, 0xff]],
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];

/** Files of other kinds that get uploaded, by how they begin. */
const otherKinds: [string, string, string][] = [
  ["PK\x03\x04", "an Excel workbook or a zip archive", "save the sheet as CSV"],
  ["\x1f\x8b", "compressed twice", "compress it once"],
  ["\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"],
  ["%PDF", "a PDF", "download the report as CSV"],
  ["PAR1", "a Parquet file", "export it as CSV"],
  ["<!DOCTYPE", "a web page", "download the report again, signed in"],
  ["<html", "a web page", "download the report again, signed in"],
];

function begin(bytes: Buffer, stated: string): [string, Decode, Buffer] {
  for (const [beginning, kind, remedy] of otherKinds)
    if (bytes.subarray(0, beginning.length).equals(Buffer.from(beginning, "latin1")))
      throw new FileRefused("not_text", `the file is no CSV but ${kind}: ${remedy}`);
  const mark = marks.find(([, sign]) => sign.every((byte, place) => bytes[place] === byte));
  const encoding = mark?.[0] ?? (stated === "auto" ? unmarked(bytes) : stated.toLowerCase());
  return [encoding, decoderOf(encoding), bytes.subarray(mark?.[1].length ?? 0)];
}

/** Text in Latin letters is UTF-16 when every other byte is zero; nothing else is recognised from the bytes alone. */
function unmarked(bytes: Buffer): string {
  const seen = bytes.subarray(0, sample & ~1);
  let even = 0;
  let odd = 0;
  for (let at = 0; at + 1 < seen.length; at += 2) {
    if (seen[at] === 0) even += 1;
    if (seen[at + 1] === 0) odd += 1;
  }
  const pairs = seen.length >> 1;
  if (pairs >= 8 && odd > pairs * 0.6 && even === 0) return "utf-16le";
  if (pairs >= 8 && even > pairs * 0.6 && odd === 0) return "utf-16be";
  return "utf-8";
}

function decoderOf(encoding: string): Decode {
  if (encoding === "utf-8" || encoding === "utf8" || encoding === "ascii" || encoding === "us-ascii")
    return checkUtf8();
  if (encoding === "utf-16le" || encoding === "utf-16be") return strictly(encoding);
  if (!iconv.encodingExists(encoding))
    throw new FileRefused("encoding", `no encoding is called "${encoding}": correct "encoding" in the mapping`);
  const decoder = iconv.getDecoder(encoding);
  let lines = 1;
  return (bytes, last) => {
    const text = last ? (decoder.end() ?? "") : decoder.write(bytes);
    const wrong = text.indexOf("\ufffd");
    if (wrong >= 0) throw undecodable(encoding, lines + breaksIn(text.slice(0, wrong)));
    lines += breaksIn(text);
    return Buffer.from(text);
  };
}

function strictly(encoding: string): Decode {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  let lines = 1;
  return (bytes, last) => {
    let text: string;
    try {
      text = decoder.decode(bytes, { stream: !last });
    } catch {
      throw undecodable(encoding, lines);
    }
    lines += breaksIn(text);
    return Buffer.from(text);
  };
}

/** Hands UTF-8 through as it is, once it is certain that it is UTF-8. */
function checkUtf8(): Decode {
  let held: Buffer = Buffer.alloc(0);
  let lines = 1;
  return (bytes, last) => {
    const all = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    const whole = last ? all.length : all.length - unfinished(all);
    const piece = all.subarray(0, whole);
    held = all.subarray(whole);
    if (!isAscii(piece) && !isUtf8(piece)) {
      const good = new TextDecoder().decode(piece).indexOf("\ufffd");
      throw undecodable("utf-8", lines + breaksIn(new TextDecoder().decode(piece).slice(0, good)));
    }
    lines += linesIn(piece);
    return piece;
  };
}

function linesIn(piece: Buffer): number {
  let lines = 0;
  for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines += 1;
  return lines;
}

/** Bytes at the end that begin a character which is not over yet. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}

function breaksIn(text: string): number {
  return text.split(/\r\n|\n|\r/).length - 1;
}

function undecodable(encoding: string, line: number): FileRefused {
  return new FileRefused(
    "encoding",
    `line ${line}: these bytes are no ${encoding.toUpperCase()} text: save the file as CSV UTF-8, or name its encoding in the mapping`,
    { line },
  );
}
