import { reportKinds, type ReportName } from "../../rules/files/file-kinds.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import { raiseUnlessAccepted } from "../ops/accepted-alerts.ts";
import type { RaisedAlert } from "../ops/alerts.ts";
import { controlOf } from "./report-columns.ts";

/** A day of a report's file whose rows are not what its receipt says. `control` is one sum over all that rows carry. */
export interface ReportDifference {
  fileId: number;
  name: string | null;
  date: string;
  held: { rows: number; control: string };
  takenOver: { rows: number; control: string };
  written: { rows: number; control: string };
}

export interface ReportRange {
  client: string;
  name: ReportName;
  fileId?: number | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** Per file and day: what a report's table holds, and what later files have taken over, must be what the file wrote. */
export async function readReportDifferences(
  database: Queryable,
  { client, name, fileId, from, to }: ReportRange,
): Promise<ReportDifference[]> {
  const kind = reportKinds[name];
  const within = "($4::date is null or date >= $4) and ($5::date is null or date <= $5)";
  const pair = (rows: string, control: string) => `json_build_object('rows', ${rows}, 'control', ${control}::text)`;
  const { rows } = await database.query<ReportDifference>(
    `with held as (
       select _file_id as file_id, date, count(*) as rows, sum(${controlOf(kind, "t")}) as control
         from ${kind.table} t where _client_id = $1 and ($2::int is null or _file_id = $2) and ${within} group by 1, 2
     ), days as (
       select * from ops.report_days where _client_id = $1 and source = $3 and ($2::int is null or file_id = $2) and ${within}
     )
     select file_id as "fileId", f.name, date::text as date, ${pair("coalesce(h.rows, 0)", "coalesce(h.control, 0)")} as held,
            ${pair("coalesce(d.taken_over, 0)", "coalesce(d.control_taken_over, 0)")} as "takenOver",
            ${pair("coalesce(d.written, 0)", "coalesce(d.control, 0)")} as written
       from days d full join held h using (file_id, date) left join ops.files f using (file_id)
      where (coalesce(h.rows, 0) + coalesce(d.taken_over, 0), coalesce(h.control, 0) + coalesce(d.control_taken_over, 0))
         is distinct from (coalesce(d.written, 0), coalesce(d.control, 0))
      order by 1, 3`,
    [client, fileId ?? null, kind.table, from ?? null, to ?? null],
  );
  return rows;
}

const alertKind = "file_books";

/** One alert per file, with the first of its days. */
export async function raiseReportAlert(
  database: Queryable,
  client: string,
  found: readonly ReportDifference[],
): Promise<void> {
  const alert = reportAlert(client, found);
  if (alert !== null) await raiseUnlessAccepted(database, alert);
}

/** What the days of one report's file that do not add up call for. */
export function reportAlert(client: string, found: readonly ReportDifference[]): RaisedAlert | null {
  const [first] = found;
  if (first === undefined) return null;
  const { fileId, name, date, held, takenOver, written } = first;
  const more = found.length - 1;
  return {
    client,
    area: "ingest",
    kind: alertKind,
    subject: `file/${fileId}`,
    severity: "critical",
    message: `report file ${fileId}${name === null ? "" : ` (${name})`} does not add up on ${date}${more > 0 ? ` and ${more} more days` : ""}: the table holds ${held.rows} rows, later files have taken over ${takenOver.rows}, and the file wrote ${written.rows}; the sums of all their columns are ${held.control}, ${takenOver.control} and ${written.control}`,
    details: { fileId, days: found.slice(0, 30), more: Math.max(0, found.length - 30) },
  };
}

/** In the transaction of a merge. */
export async function checkReportFile(
  session: Session,
  file: { client: string; name: ReportName; fileId: number },
): Promise<void> {
  await raiseReportAlert(session, file.client, await readReportDifferences(session, file));
}
