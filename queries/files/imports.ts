import type { Queryable } from "../../schema/database.ts";

/** The file that a workflow left in the ledger, whichever of its names it was started by. */
export async function findFileIdOfWorkflow(
  database: Queryable,
  of: { client: string; workflowIds: readonly string[] },
): Promise<number | null> {
  const { rows } = await database.query<{ fileId: number }>(
    `select file_id as "fileId" from ops.files where _client_id = $1 and workflow_id = any($2) order by file_id desc limit 1`,
    [of.client, of.workflowIds],
  );
  return rows[0]?.fileId ?? null;
}

/** The file that made an upload "already ingested": of its bytes, by the mapping it was read with. */
export async function findFileIdOfContent(
  database: Queryable,
  of: { client: string; sha256: string; mapping: string | null },
): Promise<number | null> {
  const { rows } = await database.query<{ fileId: number }>(
    `select file_id as "fileId" from ops.files
      where _client_id = $1 and sha256 = $2 and ($3::text is null or mapping = $3) and outcome = 'ingested'
      order by file_id desc limit 1`,
    [of.client, of.sha256, of.mapping],
  );
  return rows[0]?.fileId ?? null;
}
