import { redactCarriers } from "../../core/redact.ts";

/**
 * What gives itself away as a key: a JWT, the prefixes that vendors and we put before theirs, a Discord bot's three parts,
 * and long runs of letters and digits that are no part of an address.
 */
const keys = [
  /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*){0,3}/g,
  /(?<![A-Za-z0-9])(?:aff_|sr_|sk-|sk_|pk_|rk_|pat-|ghp_|gho_|ghs_|github_pat_|glpat-|xox[a-z]-|ya29\.|AKIA|ASIA|AIza|EAA|IGQ|IGAA|SG\.)[\w.-]{12,}/g,
  /(?<![\w./-])[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}/g,
  /(?<![\w./+-])(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{32,}={0,2}(?![\w/-])/g,
];

const email = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu;
/** `@name`, Reddit's `u/name` and Discord's old `name#1234`. */
const handle =
  /(?<![\p{L}\p{N}/])(?:@[\p{L}\p{N}_.]{2,64}|\/?u\/[\w-]{3,20}|[\p{L}\p{N}_.]{2,32}#\d{4})(?![\p{L}\p{N}])/gu;
/**
 * Eight digits or more with what is written between them: shorter ones are counts, and counts are what people argue about.
 * So are days, written 2026-11-28.
 */
const phone =
  /(?<![\p{L}\p{N}]|\d{4}-|\d{4}-\d{2}-)(?!\d{4}-[01]\d-[0-3]\d(?!-?\d))\+?\(?\d(?:[ ()./-]{0,2}\d){7,14}(?![\p{L}\p{N}])/gu;
/** What follows an address's path may name whoever opened it. */
const query = /(https?:\/\/[^\s?#]+)[?#]\S*/giu;

/** Free text as it is kept: what it is about, without the persons, and without the keys that people paste. */
export function withoutPersons(text: string): string {
  const shown = redactCarriers(text.replace(query, "$1"));
  const keyless = keys.reduce((clean, key) => clean.replace(key, "[key]"), shown);
  return keyless.replace(email, "[e-mail]").replace(handle, "[handle]").replace(phone, "[number]");
}
