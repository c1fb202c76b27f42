import type { Queryable } from "../../schema/database.ts";

export interface FileHistoryDay {
  date: string;
  /** Rows that it wrote or found as they were; of reports no more is recorded, and the rest is null. */
  written: number;
  inserted: number | null;
  updated: number | null;
  /** Rows that were the same already. */
  confirmed: number | null;
  /** Of the rows it wrote, those that later files carry on. */
  takenOver: number;
  /** To the cent: spend of the rows it changed, before and after. */
  spendBefore: string | null;
  spendAfter: string | null;
  spendTakenOver: string | null;
  /** Later files that wrote rows of the same day. */
  laterFiles: number[];
}

/** What a file did to each day, and which later files wrote to the same days. */
export async function readFileHistory(
  database: Queryable,
  of: { client: string; fileId: number },
): Promise<FileHistoryDay[]> {
  const { rows } = await database.query<FileHistoryDay>(
    `select date, inserted + updated + confirmed as written, inserted, updated, confirmed, taken_over as "takenOver", round(spend_before, 2) as "spendBefore", round(spend_after, 2) as "spendAfter",
            round(spend_taken_over, 2) as "spendTakenOver",
            array(select l.file_id from ops.file_days l
                   where l._client_id = d._client_id and l.date = d.date and l.file_id > d.file_id and d.taken_over > 0 and l.inserted + l.updated + l.confirmed > 0
                   order by 1) as "laterFiles"
       from ops.file_days d where _client_id = $1 and file_id = $2
     union all
     select date, written, null, null, null, taken_over, null, null, null,
            array(select l.file_id from ops.report_days l
                   where l._client_id = d._client_id and l.source = d.source and l.date = d.date and l.file_id > d.file_id and d.taken_over > 0 and l.written > 0
                   order by 1)
       from ops.report_days d where _client_id = $1 and file_id = $2
      order by date`,
    [of.client, of.fileId],
  );
  return rows;
}
