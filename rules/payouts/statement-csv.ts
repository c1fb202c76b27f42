import { parse } from "csv-parse/sync";
import { csvRows, type CsvValue } from "../../core/csv.ts";
import { signedStatement, statementHead, statementLine, statementTotal, type SignedStatement } from "./statement.ts";

const lineFields = [...Object.keys(statementLine.shape), "digest"] as const;
/** One table for people and programs: rows of lines, then what else the statement says, as names with values. */
const header = ["record", ...lineFields, "name", "value"];

/** A spreadsheet must not run a text as a formula; the apostrophe in front is taken off again when the file is read. */
const guarded = (text: string) =>
  /^[\s\p{Cc}\p{Cf}]*['=+\-@\uFF0B\uFF0D\uFF1D\uFF20]/u.test(text) ? `'${text}` : text;
const unguarded = (text: string) => (text.startsWith("'") ? text.slice(1) : text);

const isAmount = (text: string) => /^-?\d+(\.\d+)?$/.test(text);
const cell = (value: CsvValue): CsvValue => (typeof value === "string" && !isAmount(value) ? guarded(value) : value);

export function statementCsv(signed: SignedStatement): string {
  const { statement, totals, lines, digests, format, hash, signature, keyId, publicKey } = signed;
  const named = (record: string, currency: string | null, name: string, value: CsvValue): CsvValue[] =>
    header.map((field) => ({ record, currency, name, value: cell(value) })[field] ?? null);
  return csvRows([
    header,
    ...lines.map((line) => ["line", ...lineFields.map((field) => cell(line[field as keyof typeof line])), null, null]),
    ...totals.flatMap((total) =>
      Object.entries(total).map(([name, value]) => named("total", total.currency, name, value)),
    ),
    ...Object.entries(statement).map(([name, value]) => named("statement", null, name, value)),
    ...Object.entries({
      format,
      hash,
      signature,
      keyId,
      publicKey,
      statementDigest: digests.statement,
      totalsDigest: digests.totals,
    }).map(([name, value]) => named("signature", null, name, value)),
  ]);
}

type Shape = Record<string, { safeParse: (value: unknown) => { success: boolean } }>;

/** As a field is written: a number where the shape wants one, null where it allows it. */
function valueOf(shape: Shape, name: string, given: string): unknown {
  const field = shape[name];
  const empty = given === "" && field?.safeParse(null).success === true;
  if (empty) return null;
  const text = unguarded(given);
  return field?.safeParse(text).success === true ? text : /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

/** A statement as its CSV has it; throws what zod or the parser says where it is none. */
export function readStatementCsv(file: string): SignedStatement {
  const rows = parse(file, { columns: true, bom: true }) as Record<string, string>[];
  const of = (record: string) => rows.filter((row) => row["record"] === record);
  const names = (record: string, shape: Shape) =>
    Object.fromEntries(of(record).map(({ name = "", value = "" }) => [name, valueOf(shape, name, value)]));
  const currencies = [...new Set(of("total").map(({ currency = "" }) => currency))];
  const { statementDigest, totalsDigest, ...seal } = names("signature", {});
  return signedStatement.parse({
    ...seal,
    statement: names("statement", statementHead.shape),
    totals: currencies.map((wanted) =>
      Object.fromEntries(
        of("total")
          .filter(({ currency }) => currency === wanted)
          .map(({ name = "", value = "" }) => [name, valueOf(statementTotal.shape, name, value)]),
      ),
    ),
    lines: of("line").map((row) => ({
      ...Object.fromEntries(
        Object.keys(statementLine.shape).map((name) => [name, valueOf(statementLine.shape, name, row[name] ?? "")]),
      ),
      digest: row["digest"],
    })),
    digests: { statement: statementDigest, totals: totalsDigest },
  });
}
