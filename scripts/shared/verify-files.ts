import { cents } from "../../core/money.ts";
import { bookAlert, readBookDifferences, type BookDifference } from "../../queries/files/books.ts";
import { performanceSource } from "../../queries/files/files.ts";
import { readReportDifferences, reportAlert } from "../../queries/files/report-books.ts";
import { readAccepted } from "../../queries/ops/accepted-alerts.ts";
import { sourceOf, type ReportName } from "../../rules/files/file-kinds.ts";
import type { Database } from "../../schema/database.ts";
import { exitCodes, type Report } from "./command-line.ts";
import { count, table } from "./printing.ts";

interface DayRange {
  client: string;
  from: string;
  to: string;
}

/** Files of ad performance have no vendor to ask again: their days are compared with their receipts. */
export async function verifyFiles(database: Database, range: DayRange): Promise<Report> {
  const { differences, ...found } = await compareFiles(database, range);
  return { ...found, document: { source: performanceSource, ...range, same: differences.length === 0, differences } };
}

/** Stored rows of ad performance against the receipts of their files. */
export async function compareFiles(database: Database, range: DayRange) {
  const found = await readBookDifferences(database, range);
  const { from, to } = range;
  const accepted = await readAcceptedFiles(database, range.client, found);
  const open = found.filter(({ fileId }) => !accepted.has(fileId));
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
    exitCode: open.length === 0 ? exitCodes.fine : exitCodes.found,
    differences: found,
    lines:
      found.length === 0
        ? [`${from} to ${to}: the rows of every file are those that its receipt and later files say`]
        : [...table(columns, rows), "", ...whatNext(accepted, open.length, "rtb.performance_metrics")],
  };
}

/** The same of the files of a report, whose days are compared by rows and by one sum over all columns. */
export async function verifyReport(database: Database, range: DayRange & { name: ReportName }): Promise<Report> {
  const { client, name, from, to } = range;
  const found = await readReportDifferences(database, range);
  const accepted = new Map<number, string>();
  for (const fileId of new Set(found.map((one) => one.fileId))) {
    const alert = reportAlert(client, await readReportDifferences(database, { client, name, fileId }));
    const note = alert === null ? null : await readAccepted(database, alert);
    if (note !== null) accepted.set(fileId, note);
  }
  const open = found.filter(({ fileId }) => !accepted.has(fileId));
  const source = sourceOf(name);
  const rows = found.map(({ fileId, name: file, date, held, takenOver, written }) => [
    ...[fileId, file, date, held.rows, held.control],
    ...[takenOver.rows, takenOver.control, written.rows, written.control],
  ]);
  const columns = ["file", "name", "day", "rows", "all columns", "taken over", "all columns", "receipt", "all columns"];
  return {
    exitCode: open.length === 0 ? exitCodes.fine : exitCodes.found,
    document: { source, client, from, to, same: found.length === 0, differences: found },
    lines:
      found.length === 0
        ? [`${from} to ${to}: the rows of every file are those that its receipt and later files say`]
        : [...table(columns, rows), "", ...whatNext(accepted, open.length, source)],
  };
}

function whatNext(accepted: ReadonlyMap<number, string>, open: number, changed: string): string[] {
  return [
    ...[...accepted].map(([fileId, note]) => `file ${fileId} is known and accepted: ${note}`),
    ...(open === 0
      ? []
      : [
          `${count(open, "day")} of files not as the receipts say; import the file again with --force, or look for who changed ${changed}`,
        ]),
  ];
}

/** Files whose differences, in all of their days, a person has accepted as they are, with the note. */
async function readAcceptedFiles(
  database: Database,
  client: string,
  found: readonly BookDifference[],
): Promise<Map<number, string>> {
  const accepted = new Map<number, string>();
  for (const fileId of new Set(found.map((one) => one.fileId))) {
    const alert = bookAlert(client, await readBookDifferences(database, { client, fileId }));
    const note = alert === null ? null : await readAccepted(database, alert);
    if (note !== null) accepted.set(fileId, note);
  }
  return accepted;
}
