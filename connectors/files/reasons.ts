import { maskName } from "../../core/personal.ts";
import type { FileCounts, RefusalCode } from "./shapes.ts";

/** The name of a column, short enough for a sentence. It is the sender's text, and may name a person like any other. */
export function named(text: string): string {
  const plain = maskName(text)
    .replace(/\0/g, "␀")
    .replace(/[\r\n\t]+/g, " ");
  return `"${plain.length > 40 ? `${plain.slice(0, 40)}…` : plain}"`;
}

const months =
  "(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec|january|february|march|april|august|september|october|november|december)";
const money = "(?:USD|EUR|GBP|US|R|C|A)";
/** Digits and what is written between them; with a month, a zone, a currency, or a slip of up to three letters at the end. */
const harmless = new RegExp(
  `^(?:${months}\\b\\.?\\s*|${money}\\s?)?[-+(]?\\p{Sc}?\\s?\\d(?:[\\d\\s.,:/'’%()–—-]|\\b${months}\\b|(?<=\\d)[Te](?=[\\d+-]))*(?:\\p{L}{1,3}|\\s?(?:UTC|GMT|AM|PM|\\p{Sc}|${money}))?$`,
  "iu",
);
const longestHarmless = 40;

const longestCode = 32;

/** An id or a size such as cr-10023 or 300x250: more than half of a name like jane85 is letters, and so is most of a word. */
function isCode(text: string): boolean {
  const letters = text.replace(/[^A-Za-z]/g, "").length;
  const digits = text.replace(/\D/g, "").length;
  return text.length <= longestCode && /^[A-Za-z\d._:-]+$/.test(text) && digits > 0 && digits >= 2 * letters;
}

/**
 * What a cell holds, short enough for a sentence. Only what can be nothing but a number, a date or a code of digits is
 * repeated: any word may be a name, and reasons are read by whoever sees what became of a file.
 */
export function shown(text: string): string {
  const plain = text.trim();
  const isHarmless =
    plain.length <= longestHarmless && (/^[\p{P}\p{S}]{0,3}$/u.test(plain) || harmless.test(plain) || isCode(plain));
  return isHarmless ? named(text) : '"[text]"';
}

/** The same of a country's cell: two or three capitals are a code, and which one is the message. */
export const shownCountry = (text: string) => (/^[A-Z]{2,3}$/.test(text.trim()) ? named(text.trim()) : shown(text));

/** The file is broken, or most of it is wrong: nothing of it may be stored. */
export class FileRefused extends Error {
  readonly line: number | null;
  readonly column: string | null;
  /** How far reading had come. */
  counts: Partial<FileCounts> = {};

  constructor(
    readonly code: RefusalCode,
    message: string,
    at: { line?: number | null; column?: string | null } = {},
  ) {
    super(message);
    this.name = "FileRefused";
    this.line = at.line ?? null;
    this.column = at.column == null ? null : maskName(at.column);
  }
}
