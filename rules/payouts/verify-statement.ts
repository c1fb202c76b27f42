import { exactMoney, cents, sumMoney } from "../../core/money.ts";
import { isSignedBy, keyIdOf } from "../../core/signing.ts";
import { describeIssues } from "../../core/typed.ts";
import { z } from "zod";
import {
  digestOf,
  hashOf,
  signedStatement,
  type SignedStatement,
  type StatementLine,
  type StatementTotal,
} from "./statement.ts";
import { readStatementCsv, statementCsv } from "./statement-csv.ts";
import { readStatementHtml, statementHtml } from "./statement-html.ts";

export type StatementForm = "json" | "csv" | "html";

export interface Verified {
  form: StatementForm;
  /** Null where the file could not be read as a statement. */
  signed: SignedStatement | null;
  /** What is wrong with it, in words; empty: it is what was signed. */
  problems: string[];
}

export const statementJson = (signed: SignedStatement) => `${JSON.stringify(signed, null, 1)}\n`;

const forms: Record<
  StatementForm,
  { read: (file: string) => SignedStatement; write: (signed: SignedStatement) => string }
> = {
  json: { read: (file) => signedStatement.parse(JSON.parse(file)), write: statementJson },
  csv: { read: readStatementCsv, write: statementCsv },
  html: { read: readStatementHtml, write: statementHtml },
};

export const writeStatement = (signed: SignedStatement, form: StatementForm) => forms[form].write(signed);

function formOf(file: string): StatementForm {
  const start = file.trimStart();
  return start.startsWith("{") ? "json" : start.startsWith("<") ? "html" : "csv";
}

/** Whether a file is a statement as it was signed with this key, and if not, what differs. */
export function verifyStatement(given: string, publicKey: string): Verified {
  // Spreadsheets and Windows put it in front when they save, mail and editors put blank lines behind.
  const file = given.replace(/^\uFEFF/, "").trimEnd();
  const form = formOf(file);
  try {
    const signed = forms[form].read(file);
    return { form, signed, problems: [...contentProblems(signed, publicKey), ...layoutProblems(file, form, signed)] };
  } catch (error) {
    const why = error instanceof z.ZodError ? describeIssues(error).slice(0, 5).join("; ") : (error as Error).message;
    return { form, signed: null, problems: [`this is no statement as Signal Room writes them: ${why}`] };
  }
}

function contentProblems(signed: SignedStatement, publicKey: string): string[] {
  const { statement, totals, lines, digests, hash, signature } = signed;
  const altered = lines.filter(({ digest, ...line }) => digestOf(line) !== digest);
  const problems = altered
    .slice(0, 10)
    .map((line) => `line ${line.line} was changed: ${nameOf(line)} is not what was signed`);
  if (altered.length > 10) problems.push(`${altered.length - 10} further lines were changed`);
  if (digestOf(statement) !== digests.statement)
    problems.push("the head of the statement was changed: its affiliate, month, number or date is not what was signed");
  if (digestOf(totals) !== digests.totals) problems.push("the totals were changed: they are not what was signed");
  problems.push(...totals.flatMap((total) => sumProblems(total, lines)));
  const numbers = lines.map(({ line }) => line);
  const missing = numbers.findIndex((number, index) => number !== index + 1);
  if (missing !== -1) problems.push(`line ${missing + 1} is missing, or lines are in another order`);
  if (hashOf({ ...digests, lines: lines.map(({ digest }) => digest) }) !== hash)
    problems.push(
      "the content does not have the hash that it states: a line, or another part, was added, removed or replaced",
    );
  if (keyIdOf(publicKey) !== signed.keyId)
    problems.push(
      `it names the key ${signed.keyId}, and is checked with ${keyIdOf(publicKey)}: another key signed it, or it was forged`,
    );
  if (!isSignedBy(publicKey, hash, signature)) problems.push("the signature is not of this content with this key");
  else if (signed.publicKey !== publicKey) problems.push("it names another public key than the one it is checked with");
  return problems;
}

const nameOf = ({ kind, key, amount, currency }: StatementLine) =>
  kind === "claim" ? `claim ${key}` : `conversion ${key} with ${amount} ${currency}`;

/** What its lines come to, whatever was signed. */
function sumProblems(total: StatementTotal, lines: readonly StatementLine[]): string[] {
  const own = lines.filter(({ currency }) => currency === total.currency);
  const sum = (kind: StatementLine["kind"]) =>
    exactMoney(sumMoney(own.filter((line) => line.kind === kind).map(({ amount }) => amount)));
  const sums: [what: string, says: string, comesTo: string][] = [
    ["conversions of the month", total.newAmount, sum("conversion")],
    ["corrections", total.correctionsAmount, sum("correction")],
    ["held", total.heldAmount, exactMoney(sumMoney(own.map(({ held }) => held)))],
    ["owed", total.owed, cents(sumMoney([sum("conversion"), sum("correction"), total.roundingCarried]))],
  ];
  return sums
    .filter(([, says, comesTo]) => says !== comesTo)
    .map(([what, says, comesTo]) => `${total.currency} ${what} says ${says}, the lines come to ${comesTo}`);
}

/** What people see, and what is signed, are the same file only if writing it again gives every character of it. */
function layoutProblems(file: string, form: StatementForm, signed: SignedStatement): string[] {
  if (form === "json") return namesIn(file) === namesIn(statementJson(signed)) ? [] : [namedTwice];
  const [given, written] = [file, forms[form].write(signed)].map((text) =>
    text.replaceAll("\r\n", "\n").trimEnd().split("\n"),
  );
  if (given === undefined || written === undefined) return [];
  const index = given.findIndex((line, at) => line !== written[at]);
  const at = index === -1 && given.length < written.length ? given.length : index;
  if (at === -1) return [];
  const short = (line: string | undefined) =>
    line === undefined ? "nothing" : `“${textOf(around(line, given[at], written[at]))}”`;
  return [`line ${at + 1} of the file shows ${short(given[at])} where the statement has ${short(written[at])}`];
}

/** Of a name that an object has twice some readers take the first value, and others the last. */
const namedTwice = "something is named twice in it, with a value that is not what was signed";

/** How many names of values a JSON text has, whatever its blanks and their order. */
const namesIn = (json: string) =>
  [...json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon !== undefined).length;

/** The place where two texts part, with a little around it. */
function around(line: string, one = "", other = ""): string {
  let from = 0;
  while (from < one.length && one[from] === other[from]) from += 1;
  return line.slice(Math.max(0, from - 30), from + 50);
}

const textOf = (html: string) =>
  html
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
