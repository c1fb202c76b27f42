import { statementStyleHash } from "../../rules/payouts/statement-html.ts";
import { writeStatement, type StatementForm } from "../../rules/payouts/verify-statement.ts";
import type { Queryable } from "../../schema/database.ts";
import { readSigned, type StatementFound } from "./statements.ts";

export const statementForms = ["json", "csv", "html"] as const;

/** More lines would not be opened by anything, and are read in SQL. */
export const mostLinesOfFile = 200_000;

const types: Record<StatementForm, string> = {
  json: "application/json; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  html: "text/html; charset=utf-8",
};

export interface StatementFile {
  text: string;
  type: string;
  headers: Record<string, string>;
}

/** A closed statement as a file with its signature: what `npm run statement -- verify` checks. */
export async function readStatementFile(
  database: Queryable,
  found: StatementFound,
  form: StatementForm,
): Promise<StatementFile> {
  const { month, affiliateId, statementId } = found.statement;
  const name = `statement-${month}-${affiliateId.replaceAll(/[^\w.-]/g, "_")}-${statementId}.${form}`;
  return {
    text: writeStatement(await readSigned(database, found), form),
    type: types[form],
    headers: {
      "content-disposition": `${form === "html" ? "inline" : "attachment"}; filename="${name}"`,
      // The page has its own style and nothing else: no script runs, nothing is loaded.
      "content-security-policy": `default-src 'none'; style-src '${statementStyleHash}'; frame-ancestors 'none'`,
    },
  };
}
