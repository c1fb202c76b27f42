const address = /[^\s"'<>,;:()]+@[^\s"'<>,;:()]+/gu;
const phone = /\+\d[\d\s().-]{6,}\d/g;
const quoted = /"([^"]*)"/g;

/** Blanks addresses and phone numbers anywhere, and within quotation marks what looks like a key or a number to call. */
export function maskContacts(text: string): string {
  return text
    .replace(address, "[address]")
    .replace(phone, "[phone]")
    .replace(quoted, (whole, cell: string) => {
      if (/^\S{16,}$/.test(cell) && /\d/.test(cell) && /\p{L}/u.test(cell)) return '"[key]"';
      if (/^[\d\s().-]*\d[\s().-]+\d[\d\s().-]*$/.test(cell) && cell.replace(/\D/g, "").length > 8) return '"[number]"';
      return whole;
    });
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
