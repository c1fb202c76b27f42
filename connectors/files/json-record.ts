/** What a field of a record holds. A word is true, false or null, and what programs write for what is no number. */
export type ValueKind = "text" | "number" | "word" | "nested";

const blanks = /[ \t\r\n]*/y;
const key = /"([^"\\]*(?:\\.[^"\\]*)*)"[ \t\r\n]*:[ \t\r\n]*/y;
const text = /"([^"\\]*(?:\\.[^"\\]*)*)"/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /true|false|null|NaN|-?Infinity/y;

/**
 * Hands out the fields of one record, each with its value as it stands in the text: a number is never made a float of.
 * False when the text is no JSON.
 */
export function readRecord(record: string, field: (name: string, value: string, kind: ValueKind) => void): boolean {
  let at = past(record, 1);
  if (record[at] === "}") return at === record.length - 1;
  for (;;) {
    const name = found(key, record, at);
    if (name === null) return false;
    const plainName = unescaped(name[1] as string);
    at += name[0].length;
    const value = valueAt(record, at);
    if (value === null || plainName === null) return false;
    field(plainName, value.content, value.kind);
    at = past(record, value.end);
    if (record[at] === "}") return at === record.length - 1;
    if (record[at] !== ",") return false;
    at = past(record, at + 1);
  }
}

function found(pattern: RegExp, record: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(record);
}

function past(record: string, at: number): number {
  return at + (found(blanks, record, at)?.[0].length ?? 0);
}

function valueAt(record: string, at: number): { content: string; kind: ValueKind; end: number } | null {
  const first = record[at];
  if (first === '"') {
    const read = found(text, record, at);
    const content = read === null ? null : unescaped(read[1] as string);
    return read === null || content === null ? null : { content, kind: "text", end: at + read[0].length };
  }
  if (first === "{" || first === "[") {
    const end = endOfNested(record, at);
    return end < 0 ? null : { content: record.slice(at, end), kind: "nested", end };
  }
  const digits = found(number, record, at);
  // "-Infinity" begins like a number and is none.
  if (digits !== null) return { content: digits[0], kind: "number", end: at + digits[0].length };
  const said = found(word, record, at)?.[0];
  return said === undefined ? null : { content: said === "null" ? "" : said, kind: "word", end: at + said.length };
}

function unescaped(inner: string): string | null {
  if (!inner.includes("\\")) return inner;
  try {
    return JSON.parse(`"${inner}"`) as string;
  } catch {
    return null;
  }
}

function endOfNested(record: string, from: number): number {
  let depth = 0;
  for (let at = from; at < record.length; at += 1) {
    const sign = record[at];
    if (sign === '"') {
      const read = found(text, record, at);
      if (read === null) return -1;
      at += read[0].length - 1;
    } else if (sign === "{" || sign === "[") depth += 1;
    else if (sign === "}" || sign === "]") {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}

const exponent = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** No amount and no count has more digits: what is longer stays as it is written, and is refused as that. */
const longestShift = 40;

/** A JSON number without an exponent and without zeros that say nothing: 2.50e2 is 250, and 1.000 is 1, not a thousand. */
export function plainNumber(written: string): string {
  const [, sign = "", whole = "", fraction = "", power = "0"] = exponent.exec(written) ?? [];
  const shift = Number(power);
  if (whole === "" || Math.abs(shift) > longestShift) return written;
  const point = whole.length + shift;
  const digits = `${whole}${fraction}`.padEnd(point, "0");
  const padded = point <= 0 ? `${"0".repeat(1 - point)}${digits}` : digits;
  const at = Math.max(point, 1);
  const after = padded.slice(at).replace(/0+$/, "");
  return `${sign}${padded.slice(0, at).replace(/^0+(?=\d)/, "")}${after === "" ? "" : `.${after}`}`;
}
