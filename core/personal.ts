const address = /[^\s"'<>,;:()]+@[^\s"'<>,;:()]+/gu;
const phone = /\+\d[\d\s().-]{6,}\d/g;
/** As people in North America write one: neither an area nor an exchange begins with 0 or 1. */
const localPhone = /(?<![\w.-])\(?[2-9]\d{2}\)?[ .-]?[2-9]\d{2}[ .-]\d{4}(?![\w-]|\.\d)/g;
/** A date with its time: long, of digits and letters, and no key. */
const moment = /^\d{4}-\d{2}-\d{2}[T ]\d{2}(?::?\d{2}){0,2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}(?::?\d{2})?)?$/i;
const quoted = /"([^"]*)"/g;

/** Blanks addresses and phone numbers in a name that comes from outside: of a column, a file, a place. */
export function maskName(name: string): string {
  return name.replace(address, "[address]").replace(phone, "[phone]");
}

/** The same in the name of a file, which still says what kind of file it is. */
export function maskFileName(name: string): string {
  const [ending = ""] = /(?:\.(?:csv|tsv|txt|json|jsonl|ndjson))?(?:\.(?:gz|zip))?$/i.exec(name) ?? [];
  return maskName(name.slice(0, name.length - ending.length)) + ending;
}

/** The same in each part of a path, so that two files of one folder stay two. */
export const maskPath = (path: string): string => path.split("/").map(maskFileName).join("/");

/** Blanks addresses and phone numbers anywhere, and within quotation marks what looks like a key or a number to call. */
export function maskContacts(text: string): string {
  const masked = maskName(text).replace(quoted, (whole, cell: string) => {
    if (moment.test(cell)) return whole;
    if (/^\S{16,}$/.test(cell) && /\d/.test(cell) && /\p{L}/u.test(cell)) return '"[key]"';
    if (/^[\d\s().-]*\d[\s().-]+\d[\d\s().-]*$/.test(cell) && cell.replace(/\D/g, "").length > 8) return '"[number]"';
    return whole;
  });
  return masked.replace(localPhone, "[phone]");
}

/**
 * Blanks what may name a person in a sentence about a cell: contacts, and within quotation marks what is several words.
 * A single word or number stays: what is wrong with it is the message.
 */
export function maskPersonal(text: string): string {
  return maskContacts(text).replace(quoted, (whole, cell: string) =>
    (cell.match(/\p{L}{2,}/gu) ?? []).length > 1 ? '"[text]"' : whole,
  );
}
