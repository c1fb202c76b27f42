import { isLosslessNumber, stringify } from "lossless-json";
import { z } from "zod";
import { parseMoney, parseWhole } from "../core/money.ts";

/** Numbers arrive as LosslessNumber (their digits as sent) or as text; both are read as the text they were written as. */
const isWritten = (value: unknown) => typeof value === "string" || isLosslessNumber(value);

/** A check and a step for each field, no more: a page of a thousand rows has tens of thousands of them. */
function written<Value>(read: (text: string) => Value | undefined, wanted: (text: string) => string) {
  return z.custom<unknown>(isWritten, "expected number").transform((value, context): Value => {
    const found = read(String(value));
    if (found !== undefined) return found;
    context.addIssue(wanted(String(value)));
    return z.NEVER;
  });
}

const not = (kind: string) => (text: string) => `expected ${kind}, not ${JSON.stringify(text.slice(0, 40))}`;

/**
 * Decimal text for a `numeric` column, rounded half-up at the sixth place. Blank and null are errors, not zero:
 * a blank spend is not a free day.
 */
export const money = written((text) => parseMoney(text) ?? undefined, not("number"));

/** A whole number, not negative, that a bigint column holds exactly. */
export const count = whole(/^\d{1,12}$/);

/** A whole number that may be negative: adjustments take back what was counted. */
export const wholeNumber = whole(/^-?\d{1,12}$/);

function whole(form: RegExp) {
  return written((text) => {
    const digits = parseWhole(text);
    return digits !== null && form.test(digits) ? Number(digits) : undefined;
  }, not("whole number"));
}

/** Ids are text, also when a vendor sends them as numbers: some exceed 2^53. */
export const id = z.union([z.string(), z.custom<unknown>(isLosslessNumber).transform(String)]).pipe(storable(200));

export const text = storable(2_000);

function storable(longest: number) {
  return z
    .string()
    .max(longest)
    .refine((value) => !value.includes("\0"), "holds a NUL character");
}

/** Free text that partners fill as they like: an e-mail or network address in it is left out, and so is blank text. */
export const impersonal = z
  .unknown()
  .optional()
  .transform((value, context): string | null => {
    if (value === undefined || value === null || value === "") return null;
    if (isLosslessNumber(value)) return String(value);
    const parsed = text.safeParse(value);
    if (parsed.success) return parsed.data.trim() === "" || personal.test(parsed.data) ? null : parsed.data;
    for (const { message } of parsed.error.issues) context.addIssue(message);
    return z.NEVER;
  });

/** What is in an e-mail address, also URL-encoded, in an IPv4 address, and in an IPv6 address of at least four groups. */
const personal = /[^\s@](?:@|%40)[^\s@]|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|:[0-9a-f]{0,4}:[0-9a-f]{0,4}:/i;

const instantOf = (text: string) => (/^\d{9,11}$/.test(text) ? new Date(Number(text) * 1_000) : undefined);
const notSeconds = () => "expected epoch seconds";

/** Epoch seconds as a number or as text. */
export const epochSeconds = written(instantOf, notSeconds);

/** Where 0 says that there is no such moment. */
export const epochSecondsOrNone = written((text) => (text === "0" ? null : instantOf(text)), notSeconds);

/** What a jsonb cannot hold: NUL and half a surrogate pair. An even number of backslashes before it escapes nothing. */
const unstorable = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;

/**
 * The fields of an aggregated row that its shape does not name, as JSON text with every digit as the vendor sent
 * it; null when there are none. Not for feeds about persons.
 */
export function unknownFields(row: Record<string, unknown>, shape: z.ZodObject): string | null {
  const unknown = Object.entries(row).filter(([name]) => !(name in shape.shape));
  if (unknown.length === 0) return null;
  return stringify(Object.fromEntries(unknown))?.replaceAll(unstorable, "$1") ?? null;
}

/** Of a feed about persons: which fields a row had that we do not know. Their names alone, as JSON text; null when there are none. */
export function unknownNames(row: Record<string, unknown>, known: ReadonlySet<string>): string | null {
  const names = Object.keys(row).filter((name) => !known.has(name));
  if (names.length === 0) return null;
  // A name that is no plain word may be a value in the wrong place.
  return JSON.stringify(
    [...new Set(names.map((name) => (/^[a-z][a-z0-9_]{0,59}$/i.test(name) ? name : "(unreadable)")))]
      .sort()
      .slice(0, 50),
  );
}
