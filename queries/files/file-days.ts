import type { Queryable, Session } from "../../schema/database.ts";
import type { DayChange } from "./merge-shapes.ts";

export interface FileDay {
  date: string;
  fileId: number;
  inserted: number;
  updated: number;
  impressionsBefore: string;
  impressionsAfter: string;
  clicksBefore: string;
  clicksAfter: string;
  spendBefore: string;
  spendAfter: string;
}

/** What a file changed, day by day. */
export async function readFileDays(database: Queryable, of: { client: string; fileId: number }): Promise<FileDay[]> {
  const { rows } = await database.query<FileDay>(
    `select date, file_id as "fileId", inserted, updated, impressions_before as "impressionsBefore", impressions_after as "impressionsAfter",
            clicks_before as "clicksBefore", clicks_after as "clicksAfter", spend_before as "spendBefore", spend_after as "spendAfter"
       from ops.file_days where _client_id = $1 and file_id = $2 order by date`,
    [of.client, of.fileId],
  );
  return rows;
}

/** Writes what a file did to each day. A file whose lines are redriven has its days already: what is new is added. */
export async function recordFileDays(
  session: Session,
  of: { client: string; fileId: number },
  days: readonly DayChange[],
): Promise<void> {
  const measures = ["impressions", "clicks", "spend"] as const;
  const columns = [
    { name: "inserted", type: "bigint", values: days.map(({ inserted }) => inserted) },
    { name: "updated", type: "bigint", values: days.map(({ updated }) => updated) },
    { name: "confirmed", type: "bigint", values: days.map(({ confirmed }) => confirmed) },
    ...measures.flatMap((measure) => [
      { name: `${measure}_before`, type: "numeric", values: days.map(({ before }) => before[measure]) },
      { name: `${measure}_after`, type: "numeric", values: days.map(({ after }) => after[measure]) },
    ]),
  ];
  const names = columns.map(({ name }) => name);
  await session.query(
    `insert into ops.file_days as d (_client_id, file_id, date, ${names.join(", ")})
     select $1, $2, * from unnest($3::date[], ${columns.map(({ type }, index) => `$${index + 4}::${type}[]`).join(", ")})
     on conflict on constraint file_days_key do update set ${names.map((name) => `${name} = d.${name} + excluded.${name}`).join(", ")}`,
    [of.client, of.fileId, days.map(({ date }) => date), ...columns.map(({ values }) => values)],
  );
}
