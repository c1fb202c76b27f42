import { LosslessNumber, parse } from "lossless-json";

/** A number stands behind one of these, or alone. Inside a string it may only look as if, which costs time and no more. */
const number = /(?:^|[:,[])\s*(-?\d[\d.eE+-]*)/g;
/** A number that is not, at a glance, one that a float holds to the digit: a short whole number, or a short plain fraction. */
const doubtfulNumber =
  /(?:^|[:,[])\s*(?:-0(?![\d.])|-?(?!(?:(?:0|[1-9]\d{0,14})|(?:0|[1-9]\d{0,8})\.\d{0,4}[1-9])(?![\d.eE+-]))\d)/;
/** A name set apart from its colon, or one that is no plain property. */
const unusualName = /"\s+:|"__proto__"/;

/**
 * JSON with every number's digits as they were sent, as lossless-json reads it. A text whose numbers a float holds to the
 * digit, and most are such, is read by the engine's own parser in half the time, which is the longest part of a large
 * page. Any other, and any that is wrong, is the library's to read or to refuse.
 */
export function parseLossless(text: string): unknown {
  return isFloatSafe(text) && !unusualName.test(text) ? (readByEngine(text) ?? parse(text)) : parse(text);
}

function isFloatSafe(text: string): boolean {
  if (!doubtfulNumber.test(text)) return true;
  number.lastIndex = 0;
  for (let found = number.exec(text); found !== null; found = number.exec(text))
    if (String(Number(found[1])) !== found[1]) return false;
  return true;
}

/** Null where a name is twice in an object: the engine would let the last one win. */
function readByEngine(text: string): unknown {
  try {
    const document: unknown[] = [JSON.parse(text)];
    return wrapNumbers(document) === countNames(text) ? document[0] : null;
  } catch {
    return null;
  }
}

/** Puts each number's digits in its place; gives how many names the objects have. */
function wrapNumbers(holder: object): number {
  const fields = holder as Record<string, unknown>;
  let names = 0;
  for (const name in fields) {
    const value = fields[name];
    if (typeof value === "number") fields[name] = new LosslessNumber(String(value));
    else if (typeof value === "object" && value !== null) names += wrapNumbers(value);
    names += 1;
  }
  return Array.isArray(holder) ? names - holder.length : names;
}

/** Never too few: a quote inside a string may stand before a colon, too. */
function countNames(text: string): number {
  let names = 0;
  for (let at = text.indexOf('":'); at !== -1; at = text.indexOf('":', at + 2)) names += 1;
  return names;
}
