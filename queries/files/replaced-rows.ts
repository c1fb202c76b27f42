import { performanceSource } from "../../rules/files/file-kinds.ts";
import type { Queryable } from "../../schema/database.ts";
import type { FileRow } from "./files.ts";

const namedFiles = 5;

/** What to tell who sends a file again whose rows later files have replaced; null while it has them all. */
export async function sayReplaced(
  database: Queryable,
  { client, fileId, source, replaced, inserted, updated, unchanged }: FileRow,
): Promise<string | null> {
  if (replaced === 0) return null;
  const days = source === performanceSource ? "ops.file_days" : "ops.report_days";
  const ofSource = source === performanceSource ? "" : "and d.source = l.source and d.source = $3";
  const { rows } = await database.query<{ fileId: number }>(
    `select distinct l.file_id as "fileId" from ${days} d join ${days} l on l._client_id = d._client_id and l.date = d.date and l.file_id > d.file_id ${ofSource}
      where d._client_id = $1 and d.file_id = $2 and d.taken_over > 0 order by 1`,
    source === performanceSource ? [client, fileId] : [client, fileId, source],
  );
  const files = rows.slice(0, namedFiles).map((row) => row.fileId);
  const more = rows.length > namedFiles ? ` and ${rows.length - namedFiles} more` : "";
  const by = files.length === 0 ? "later files" : `${files.length === 1 ? "file" : "files"} ${files.join(", ")}${more}`;
  return `${replaced} of the ${inserted + updated + unchanged} rows it wrote were replaced by ${by}; import it again with force (--force) to restore them`;
}
