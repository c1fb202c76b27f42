const email = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu;
/** `@name`, Reddit's `u/name` and Discord's old `name#1234`. */
const handle =
  /(?<![\p{L}\p{N}/])(?:@[\p{L}\p{N}_.]{2,64}|\/?u\/[\w-]{3,20}|[\p{L}\p{N}_.]{2,32}#\d{4})(?![\p{L}\p{N}])/gu;
/** Eight digits or more with what is written between them: shorter ones are counts, and counts are what people argue about. */
const phone = /(?<![\p{L}\p{N}])\+?\(?\d(?:[ ()./-]{0,2}\d){7,14}(?![\p{L}\p{N}])/gu;
/** What follows an address's path may name whoever opened it. */
const query = /(https?:\/\/[^\s?#]+)[?#]\S*/giu;

/** Free text as it is kept: what it is about, without the persons. */
export function withoutPersons(text: string): string {
  return text.replace(query, "$1").replace(email, "[e-mail]").replace(handle, "[handle]").replace(phone, "[number]");
}
