import { cents } from "../../core/money.ts";
import { readBookDifferences } from "../../queries/files/books.ts";
import { performanceSource } from "../../queries/files/files.ts";
import type { Database } from "../../schema/database.ts";
import { exitCodes, type Report } from "./command-line.ts";
import { count, table } from "./printing.ts";

/** Files of ad performance have no vendor to ask again: their days are compared with their receipts. */
export async function verifyFiles(
  database: Database,
  range: { client: string; from: string; to: string },
): Promise<Report> {
  const found = await readBookDifferences(database, range);
  const { client, from, to } = range;
  const rows = found.map(({ fileId, name, date, held, takenOver, receipt }) => [
    fileId,
    name,
    date,
    held.rows,
    cents(held.spend),
    takenOver.rows,
    cents(takenOver.spend),
    receipt.rows,
    cents(receipt.spend),
  ]);
  const columns = ["file", "name", "day", "rows", "spend", "taken over", "spend", "receipt", "spend"];
  return {
    exitCode: found.length === 0 ? exitCodes.fine : exitCodes.found,
    document: { source: performanceSource, client, from, to, same: found.length === 0, differences: found },
    lines:
      found.length === 0
        ? [`${from} to ${to}: the rows of every file are those that its receipt and later files say`]
        : [
            ...table(columns, rows),
            "",
            `${count(found.length, "day")} of files not as the receipts say; import the file again with --force, or look for who changed rtb.performance_metrics`,
          ],
  };
}
