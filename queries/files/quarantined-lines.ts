import { sha256 } from "../../core/crypto.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import { fileSources } from "../../rules/files/file-kinds.ts";

/** Where the rejected lines of a file lie in ops.quarantine. */
export function quarantineSlice(fileId: number): string {
  return `file/${fileId}`;
}

/** The file whose rejected lines lie there. */
export const fileIdOf = (slice: string) => Number(slice.slice(quarantineSlice(0).length - 1));

/** What becomes of a row or line when its retention is over, in words. */
export const contentDeleted = (at: Date) =>
  `its content was deleted on ${at.toISOString().slice(0, 10)}, after its retention`;

export interface RejectedLineError {
  line: number;
  /** As the file's header names it; null where no one column is wrong. */
  column: string | null;
  reason: string;
}

export interface Rejected extends RejectedLineError {
  content: string;
  /** Whether the content is all of the line, so that it can be read again. */
  whole: boolean;
  /** Of a message: its topic, its partition and its place there. */
  position?: string;
}

/** Rejected lines wait in a temporary table of the transaction until their file has its number. */
export async function stageRejected(session: Session, lines: readonly Rejected[]): Promise<void> {
  await session.query(
    'create temp table if not exists rejected (line int, "column" text, reason text, content text, whole boolean, hash text, position text) on commit drop',
  );
  await session.query(
    "insert into pg_temp.rejected select * from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[])",
    [
      lines.map(({ line }) => line),
      lines.map(({ column }) => column),
      lines.map(({ reason }) => reason),
      lines.map(({ content }) => content),
      lines.map(({ whole }) => whole),
      // Two equal lines are two lines.
      lines.map(({ line, content }) => sha256(`${line}\n${content}`)),
      lines.map(({ position }) => position ?? null),
    ],
  );
}

/** Keeps the lines that were rejected, with their line numbers and reasons, in the transaction that stores the others. */
export async function quarantineRejected(
  session: Session,
  of: { client: string; source: string; fileId: number; runId: string },
): Promise<void> {
  await session.query(
    `insert into ops.quarantine (_client_id, source, slice, line, column_name, reason, content, whole, content_hash, run_id, position)
     select $1, $2, $3, line, "column", reason, content, whole, hash, $4, position from pg_temp.rejected order by line`,
    [of.client, of.source, quarantineSlice(of.fileId), of.runId],
  );
}

/** The first rejected lines of a file: those that are open, or also those that were resolved since. */
export async function readRejectedLines(
  database: Queryable,
  of: { client: string; fileId: number; openOnly: boolean; limit: number },
): Promise<RejectedLineError[]> {
  const { rows } = await database.query<RejectedLineError>(
    `select line, column_name as "column", reason from ops.quarantine
      where _client_id = $1 and source = any($2) and slice = $3 and (resolved_at is null or not $4) order by line limit $5`,
    [of.client, fileSources, quarantineSlice(of.fileId), of.openOnly, of.limit],
  );
  return rows;
}

/** Files that have lines in quarantine, with how many. */
export async function filesInQuarantine(
  database: Queryable,
  of: { client: string; fileId?: number | undefined },
): Promise<{ fileId: number; lines: number }[]> {
  const { rows } = await database.query<{ fileId: number; lines: number }>(
    `select substr(slice, 6)::int as "fileId", count(*) as lines from ops.quarantine
      where _client_id = $1 and source = any($2) and slice like 'file/%' and ($3::text is null or slice = $3) and resolved_at is null
      group by slice order by 1`,
    [of.client, fileSources, of.fileId === undefined ? null : quarantineSlice(of.fileId)],
  );
  return rows;
}

/** Takes a file's lines for one redrive; another of the same file waits. */
export async function lockFile(session: Session, of: { client: string; fileId: number }): Promise<void> {
  await session.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [`redrive/${of.client}/${of.fileId}`]);
}

const open = "_client_id = $1 and source = any($2) and slice = $3 and resolved_at is null";
const fetched = 2_000;

/**
 * The lines of a file that can be read again, in their order, some at a time. Each is held until the transaction ends: a
 * correction waits that long, so that none is resolved by what stood there before it.
 */
export async function* readOpenLines(
  session: Session,
  of: { client: string; fileId: number },
): AsyncGenerator<{ line: number; content: string }[]> {
  await session.query(
    `declare open_lines no scroll cursor for select line, coalesce(corrected_sealed, content) as content from ops.quarantine where ${open} and whole order by line for update`,
    [of.client, fileSources, quarantineSlice(of.fileId)],
  );
  for (;;) {
    const { rows } = await session.query<{ line: number; content: string }>(`fetch ${fetched} from open_lines`);
    if (rows.length === 0) break;
    yield rows;
  }
  await session.query("close open_lines");
}

/** Notes lines that were looked at again and are still rejected: the reason may be another one now. */
export async function stageStillRejected(session: Session, lines: readonly RejectedLineError[]): Promise<void> {
  await session.query(
    'create temp table if not exists still_rejected (line int, "column" text, reason text) on commit drop',
  );
  await session.query("insert into pg_temp.still_rejected select * from unnest($1::int[], $2::text[], $3::text[])", [
    lines.map(({ line }) => line),
    lines.map(({ column }) => column),
    lines.map(({ reason }) => reason),
  ]);
}

/** Resolves the lines that were read again and are good now. */
export async function resolveRedriven(
  session: Session,
  of: { client: string; fileId: number },
): Promise<{ resolved: number; remaining: number }> {
  const values = [of.client, fileSources, quarantineSlice(of.fileId)];
  await stageStillRejected(session, []);
  await session.query("analyze pg_temp.still_rejected");
  await session.query(
    `update ops.quarantine q set reason = s.reason, column_name = s."column", last_seen_at = clock_timestamp() from pg_temp.still_rejected s where ${open} and q.line = s.line`,
    values,
  );
  const resolved = await session.query(
    `update ops.quarantine q set resolved_at = now()
      where ${open} and whole and not exists (select from pg_temp.still_rejected s where s.line = q.line)`,
    values,
  );
  return { resolved: resolved.rowCount ?? 0, remaining: await countOpenLines(session, of) };
}

/** When the content of open lines of a file was deleted; null when all is there. */
export async function readContentDeleted(
  database: Queryable,
  of: { client: string; fileId: number },
): Promise<Date | null> {
  const { rows } = await database.query<{ at: Date | null }>(
    `select max(content_deleted_at) as at from ops.quarantine where ${open}`,
    [of.client, fileSources, quarantineSlice(of.fileId)],
  );
  return rows[0]?.at ?? null;
}

export async function countOpenLines(database: Queryable, of: { client: string; fileId: number }): Promise<number> {
  const { rows } = await database.query<{ lines: number }>(
    `select count(*) as lines from ops.quarantine where ${open}`,
    [of.client, fileSources, quarantineSlice(of.fileId)],
  );
  return rows[0]?.lines ?? 0;
}
