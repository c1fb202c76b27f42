import { cents } from "../../core/money.ts";
import { inTransaction, type Database, type Queryable, type Session } from "../../schema/database.ts";
import { raiseUnlessAccepted } from "../ops/accepted-alerts.ts";
import { readAlerts, settleAlerts, type RaisedAlert } from "../ops/alerts.ts";
import { reportNames } from "../../rules/files/file-kinds.ts";
import type { Carried } from "./merge-shapes.ts";
import { raiseReportAlert, readReportDifferences, type ReportDifference } from "./report-books.ts";

type Rows = Carried & { rows: number };

/** A day of a file whose rows are not what its receipt says. */
export interface BookDifference {
  fileId: number;
  /** Null when ops.files has no such file. */
  name: string | null;
  date: string;
  /** What the table holds under the file's number. */
  held: Rows;
  /** What later files carry on. */
  takenOver: Rows;
  /** What the file wrote or confirmed. */
  receipt: Rows;
}

export interface BookRange {
  client: string;
  from?: string | undefined;
  to?: string | undefined;
  fileId?: number | undefined;
}

/**
 * Per file and day: what the table holds and what later files have taken over must be what the receipt says, in rows and
 * in each amount. Returns where it is not.
 */
export async function readBookDifferences(database: Database, range: BookRange): Promise<BookDifference[]> {
  return inTransaction(database, async (session) => {
    // All rows of a client may be many.
    await session.query("set local statement_timeout = '15min'; set local work_mem = '192MB'; set local jit = off");
    return differences(session, range, "");
  });
}

/**
 * In the transaction of a merge. Of a whole file only the rows of creatives that it touched are looked at, which are all
 * that it wrote; where these are many, to look for them costs more than to go by. The planner knows nothing yet of rows that
 * this transaction wrote, and would sort them all to add them up.
 */
export async function checkMergedFile(
  session: Session,
  range: { client: string; fileId: number; from: string; to: string; isWhole: boolean; isLarge: boolean },
): Promise<void> {
  const { isWhole, isLarge } = range;
  const among = isWhole && !isLarge ? "and creative_id in (select creative_id from pg_temp.touched)" : "";
  if (isLarge) await session.query("set local enable_sort = off");
  const found = await differences(session, range, among);
  if (isLarge) await session.query("set local enable_sort = on");
  if (found.length > 0) await raiseBookAlert(session, range, found);
}

async function differences(database: Queryable, range: BookRange, among: string): Promise<BookDifference[]> {
  const rows = (alias: string, suffix: string, count: string) =>
    `json_build_object('rows', coalesce(${alias}.${count}, 0), 'impressions', coalesce(${alias}.impressions${suffix}, 0)::text,
       'clicks', coalesce(${alias}.clicks${suffix}, 0)::text, 'spend', coalesce(${alias}.spend${suffix}, 0)::text)`;
  const { rows: found } = await database.query<BookDifference>(
    `with held as (
       select _file_id as file_id, date, count(*) as rows, sum(impressions) as impressions, sum(clicks) as clicks, sum(spend) as spend
         from rtb.performance_metrics
        where _client_id = $1 and ($2::date is null or date >= $2) and ($3::date is null or date <= $3)
          and ($4::int is null or _file_id = $4) ${among} group by 1, 2
     ), days as (
       select *, inserted + updated + confirmed as written from ops.file_days
        where _client_id = $1 and ($2::date is null or date >= $2) and ($3::date is null or date <= $3) and ($4::int is null or file_id = $4)
     )
     select file_id as "fileId", f.name, date, ${rows("h", "", "rows")} as held, ${rows("d", "_taken_over", "taken_over")} as "takenOver",
            ${rows("d", "_after", "written")} as receipt
       from days d full join held h using (file_id, date) left join ops.files f using (file_id)
      where (coalesce(h.rows, 0) + coalesce(d.taken_over, 0), coalesce(h.impressions, 0) + coalesce(d.impressions_taken_over, 0),
             coalesce(h.clicks, 0) + coalesce(d.clicks_taken_over, 0), coalesce(h.spend, 0) + coalesce(d.spend_taken_over, 0))
         is distinct from (coalesce(d.written, 0), coalesce(d.impressions_after, 0), coalesce(d.clicks_after, 0), coalesce(d.spend_after, 0))
      order by 1, 3`,
    [range.client, range.from ?? null, range.to ?? null, range.fileId ?? null],
  );
  return found;
}

const kind = "file_books";
const subjectOf = (fileId: number) => `file/${fileId}`;

/** One alert per file, with the first of its days. */
async function raiseBookAlert(
  database: Queryable,
  { client }: { client: string },
  found: readonly BookDifference[],
): Promise<void> {
  const alert = bookAlert(client, found);
  if (alert !== null) await raiseUnlessAccepted(database, alert);
}

/** What the days of one file that do not add up call for. */
export function bookAlert(client: string, found: readonly BookDifference[]): RaisedAlert | null {
  const [first] = found;
  if (first === undefined) return null;
  return {
    client,
    area: "ingest",
    kind,
    subject: subjectOf(first.fileId),
    severity: "critical",
    message: describe(first, found.length - 1),
    details: { fileId: first.fileId, days: found.slice(0, 30), more: Math.max(0, found.length - 30) },
  };
}

function describe({ fileId, name, date, held, takenOver, receipt }: BookDifference, more: number): string {
  const words = ({ rows, spend }: Rows) => `${rows} rows with a spend of ${cents(spend)}`;
  return [
    `file ${fileId}${name === null ? "" : ` (${name})`} does not add up on ${date}${more > 0 ? ` and ${more} more days` : ""}: the table holds ${words(held)}`,
    `later files have taken over ${words(takenOver)}`,
    `the receipt says ${words(receipt)}`,
  ].join(", ");
}

/** Checks all files of a client, day by day: raises an alert for each that does not add up, settles those that do again. */
export async function checkBooks(database: Database, client: string): Promise<{ files: number }> {
  const byFile = new Map<number, BookDifference[]>();
  for (const found of await readBookDifferences(database, { client }))
    byFile.set(found.fileId, [...(byFile.get(found.fileId) ?? []), found]);
  for (const found of byFile.values()) await raiseBookAlert(database, { client }, found);
  const reports = await reportDifferences(database, client);
  const wrong = new Set([...byFile.keys(), ...reports].map(subjectOf));
  for (const alert of await readAlerts(database, { client, area: "ingest", kind, open: true, limit: 10_000 }))
    if (!wrong.has(alert.subject))
      await settleAlerts(database, {
        client,
        area: "ingest",
        kinds: [kind],
        subject: alert.subject,
        notes: "the file adds up again",
      });
  return { files: byFile.size + reports.length };
}

/** The files of reports that do not add up, each with its alert. */
async function reportDifferences(database: Database, client: string): Promise<number[]> {
  const byFile = new Map<number, ReportDifference[]>();
  for (const name of reportNames)
    for (const found of await readReportDifferences(database, { client, name }))
      byFile.set(found.fileId, [...(byFile.get(found.fileId) ?? []), found]);
  for (const found of byFile.values()) await raiseReportAlert(database, client, found);
  return [...byFile.keys()];
}
