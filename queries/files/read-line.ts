import type { Seal } from "../../core/seal.ts";
import type { Queryable } from "../../schema/database.ts";
import { fileSources } from "../../rules/files/file-kinds.ts";
import { quarantineSlice } from "./quarantined-lines.ts";

export interface QuarantinedLine {
  quarantineId: number;
  source: string;
  slice: string;
  line: number | null;
  /** Of a message: its topic, its partition and its place there. */
  position: string | null;
  column: string | null;
  reason: string;
  amount: string | null;
  firstSeenAt: Date;
  lastSeenAt: Date;
  resolvedAt: Date | null;
  /** Null: it was not kept, or was sealed with another key. */
  content: string | null;
  isKept: boolean;
  /** Null: it was not deleted; without its content a line cannot be corrected. */
  contentDeletedAt: Date | null;
  /** False: it was cut, because it is very long. */
  isWhole: boolean;
  corrected: string | null;
  correctedAt: Date | null;
  file: { fileId: number; name: string; header: string | null } | null;
}

/** A quarantined row or line in clear, with the header of its file; null when the client has no such entry. */
export async function readLine(
  database: Queryable,
  of: { client: string; quarantineId: number },
  seal: Seal,
): Promise<QuarantinedLine | null> {
  const { rows } = await database.query<
    Omit<QuarantinedLine, "content" | "isKept" | "corrected" | "file"> & {
      sealed: string;
      corrected: string | null;
      fileId: number | null;
      name: string | null;
      header: string | null;
    }
  >(
    `select q.quarantine_id as "quarantineId", q.source, q.slice, q.line, q.position, q.column_name as "column", q.reason, q.amount,
            q.first_seen_at as "firstSeenAt", q.last_seen_at as "lastSeenAt", q.resolved_at as "resolvedAt",
            q.content as sealed, q.content_deleted_at as "contentDeletedAt", q.whole as "isWhole", q.corrected_sealed as corrected, q.corrected_at as "correctedAt",
            f.file_id as "fileId", f.name, h.header
       from ops.quarantine q
       left join ops.files f on q.source = any($3) and f._client_id = q._client_id and q.slice = 'file/' || f.file_id
       left join ops.file_headers h on h._client_id = f._client_id and h.file_id = f.file_id
      where q._client_id = $1 and q.quarantine_id = $2`,
    [of.client, of.quarantineId, fileSources],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { sealed, corrected, fileId, name, header, ...rest } = row;
  return {
    ...rest,
    content: seal.open(sealed),
    isKept: sealed !== "",
    corrected: corrected === null ? null : seal.open(corrected),
    file:
      fileId === null || name === null ? null : { fileId, name, header: header === null ? null : seal.open(header) },
  };
}

export type RejectedLine = Pick<
  QuarantinedLine,
  "quarantineId" | "line" | "column" | "reason" | "content" | "isWhole" | "lastSeenAt"
>;

/** The open rejected lines of a file in clear, in their order. Goes on after an entry, when there is one. */
export async function readRejectedInClear(
  database: Queryable,
  of: { client: string; fileId: number; after: number | null; limit: number },
  seal: Seal,
): Promise<RejectedLine[]> {
  const { rows } = await database.query<Omit<RejectedLine, "content"> & { sealed: string }>(
    `select quarantine_id as "quarantineId", line, column_name as "column", reason, content as sealed, whole as "isWhole", last_seen_at as "lastSeenAt"
       from ops.quarantine
      where _client_id = $1 and source = any($2) and slice = $3 and resolved_at is null and ($4::bigint is null or quarantine_id > $4)
      order by quarantine_id limit $5`,
    [of.client, fileSources, quarantineSlice(of.fileId), of.after, of.limit],
  );
  return rows.map(({ sealed, ...row }) => ({ ...row, content: seal.open(sealed) }));
}
