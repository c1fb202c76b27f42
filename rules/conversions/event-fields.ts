import { isLosslessNumber } from "lossless-json";

/** Every spelling of a field is one field: AnyTrack ignores case, `_` and `-`. */
export const plainName = (name: string) => name.toLowerCase().replaceAll(/[_\s-]/g, "");

export const isThere = (value: unknown) => value !== undefined && value !== null && value !== "";

const longestText = 200;

/** A value as text, cut where it is too long; null for what is none, and for blank text. */
export function textOf(value: unknown, longest = longestText): string | null {
  if (typeof value !== "string" && !isLosslessNumber(value) && typeof value !== "boolean" && typeof value !== "number")
    return null;
  const text = storable(String(value)).trim().slice(0, longest);
  return text === "" ? null : text;
}

/**
 * Why a value cannot be an id, or null: two ids that differ must stay two. Nothing is cut from them, and a character
 * that no column can hold or that is invisible is refused, as dropping or replacing it could make one id of two.
 */
export function idProblem(value: unknown): string | null {
  if (!isThere(value)) return null;
  if (typeof value !== "string" && typeof value !== "number" && !isLosslessNumber(value)) return "must be text";
  const text = String(value).trim();
  if (text.length > longestText) return `must have at most ${longestText} characters`;
  return /[\p{Cc}\p{Cs}]/u.test(text) ? "must not hold control characters" : null;
}

/** Postgres holds neither NUL nor half a surrogate pair. */
export function storable(text: string): string {
  return text.replaceAll(/[\0\p{Cs}]/gu, "\uFFFD");
}

export const impersonal = (text: string | null) => (text === null || isPersonal(text) ? null : text);

/** An e-mail address or an IP address that got into a field meant for something else. */
export function isPersonal(text: string): boolean {
  return (
    /[^\s@]@[^\s@]+\.[^\s@]/.test(text) ||
    /%40[^\s@]+\.[a-z]/i.test(text) ||
    /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])/.test(text) ||
    /^[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7}$/i.test(text)
  );
}
