import { z } from "zod";
import { isDay } from "./days.ts";
import { nearest } from "./nearest.ts";

/** What people type into a form or a JSON body, taken as they write it. */

const quoted = "has more digits than a number keeps: write it in quotation marks";

/** An id is text; a whole number is taken as its digits, unless JSON has lost some of them. */
export const typedId = z
  .union([z.string(), z.number()], { error: missingOr("must be an id, as text or as a whole number") })
  .transform((value, context): string => {
    if (typeof value === "string") return value;
    if (Number.isSafeInteger(value)) return String(value);
    context.addIssue(Number.isInteger(value) ? quoted : "must be an id, as text or as a whole number");
    return z.NEVER;
  })
  .pipe(z.string().min(1, "is empty").max(2_000, "is too long"));

/** Decimal text; a number is taken as the digits it was written with, up to the fifteen that it keeps for certain. */
export const typedDecimal = z
  .union([z.string(), z.number()], { error: missingOr('must be an amount such as "99.99"') })
  .transform((value, context): string => {
    if (typeof value === "string") return value;
    const text = String(value);
    const digits = text.replace(/^-?0*\.?0*/, "").replaceAll(/\D/g, "").length;
    if (!/e/.test(text) && digits <= 15) return text;
    context.addIssue(quoted);
    return z.NEVER;
  });

export const typedText = z
  .string({ error: missingOr("must be text") })
  .min(1, "is empty")
  .max(2_000, "is too long");

export const typedFlag = z.boolean({ error: missingOr("must be true or false") });

export const typedDay = z
  .string({ error: missingOr("must be a day, written YYYY-MM-DD", "is missing: write it as YYYY-MM-DD") })
  .refine(isDay, "must be a day, written YYYY-MM-DD");

function missingOr(otherwise: string, missing = "is missing") {
  return ({ input }: { input?: unknown }) => (input === undefined ? missing : otherwise);
}

/** Each thing that is wrong, with its place; `whole` is what the input is called where it is wrong as a whole. */
export function describeIssues(error: z.ZodError, whole = ""): string[] {
  return error.issues.map((issue) => [placeOf(issue, whole), issue.message].filter(Boolean).join(": "));
}

/** Where an issue is: "items.3.cost". */
export const placeOf = ({ path }: z.core.$ZodIssue, whole: string) => path.join(".") || whole;

/**
 * All that is wrong with an input at once, each with the name of its field; an unknown field with the known one that
 * is nearest. `known` lists the fields a person may type where the shape has others, too.
 */
export function problemsOf(shape: z.ZodType, error: z.ZodError, known: readonly string[] = fieldsOf(shape)): string[] {
  return error.issues.flatMap((issue) => {
    const place = placeOf(issue, "");
    if (issue.code !== "unrecognized_keys") return [`${place || "input"}: ${issue.message}`];
    return issue.keys.map((key) =>
      unknownField(place === "" ? key : `${place}.${key}`, issue.path.length === 0 ? known : [], key),
    );
  });
}

/** Suggests the known field that an unknown one may be meant for. */
export function unknownField(name: string, known: readonly string[], key = name): string {
  const shown = name.slice(0, 100);
  const meant = nearest(key, known);
  if (meant !== null) return `unknown field "${shown}": did you mean ${meant}?`;
  return `unknown field "${shown}"${known.length === 0 ? "" : `: there are ${known.join(", ")}`}`;
}

const fieldsOf = (shape: z.ZodType) => (shape instanceof z.ZodObject ? Object.keys(shape.shape) : []);
