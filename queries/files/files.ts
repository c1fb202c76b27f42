import type { StoredOrigin } from "../../core/origin.ts";
import type { FileCounts } from "../../rules/files/ingest-answer.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";
import { nothingMerged, type MergedFile } from "./merge-shapes.ts";

export { performanceSource } from "../../rules/files/file-kinds.ts";

/** What makes two files the same: their bytes, and how they are read. */
export interface FileContent {
  client: string;
  sha256: string;
  mapping: string;
  mappingVersion: string;
}

export interface FileRow extends FileContent, FileCounts {
  fileId: number;
  /** The feed that it is of, and so its table. */
  source: string;
  name: string;
  place: "upload" | "import" | "s3" | "warehouse" | "stream";
  path: string;
  bytes: number;
  optionsHash: string;
  isRepeat: boolean;
  outcome: "ingested" | "refused";
  reason: string | null;
  /** What to look at, in words. */
  warning: string | null;
  runId: string;
  workflowId: string;
  startedAt: Date;
  committedAt: Date;
  /** `sandbox`: it is about made-up creatives alone. */
  origin: StoredOrigin;
}

const fileColumns = `file_id as "fileId", _client_id as client, source, name, place, path, bytes, sha256, mapping, mapping_version as "mappingVersion",
  options_hash as "optionsHash", is_repeat as "isRepeat", outcome, reason, lines, preamble, totals, inserted, updated, unchanged, removed, combined,
  superseded, superseded_impressions as "supersededImpressions", superseded_clicks as "supersededClicks", superseded_spend as "supersededSpend",
  rejected, impressions, clicks, spend, day_from as "dayFrom", day_to as "dayTo", replaced, run_id as "runId", workflow_id as "workflowId",
  started_at as "startedAt", committed_at as "committedAt", origin, warning`;

/** The file of the same content that was ingested last; null when there is none. */
export async function findIngestedFile(database: Queryable, content: FileContent): Promise<FileRow | null> {
  const { rows } = await database.query<FileRow>(
    `select ${fileColumns} from ops.files
      where _client_id = $1 and sha256 = $2 and mapping = $3 and mapping_version = $4 and outcome = 'ingested'
      order by file_id desc limit 1`,
    [content.client, content.sha256, content.mapping, content.mappingVersion],
  );
  return rows[0] ?? null;
}

/** What a run left behind, if it committed: an attempt that lost the answer to its commit looks here. */
export async function findFileOfRun(database: Queryable, runId: string): Promise<FileRow | null> {
  const { rows } = await database.query<FileRow>(`select ${fileColumns} from ops.files where run_id = $1`, [runId]);
  return rows[0] ?? null;
}

export async function readFileRow(
  database: Queryable,
  of: { client: string; fileId: number },
): Promise<FileRow | null> {
  const { rows } = await database.query<FileRow>(
    `select ${fileColumns} from ops.files where _client_id = $1 and file_id = $2`,
    [of.client, of.fileId],
  );
  return rows[0] ?? null;
}

/** Lines of which something is stored. */
const importedLines = (row: string) =>
  `case when ${row}outcome = 'ingested' then ${row}lines - ${row}superseded - ${row}rejected else 0 end`;

export interface FileFilter {
  outcome?: "ingested" | "refused" | undefined;
  mapping?: string | undefined;
  /** Files with rows of this day; of a refused one nobody knows its days. */
  day?: string | undefined;
}

const inFileList = `f._client_id = :client and (:outcome::text is null or f.outcome = :outcome) and (:mapping::text is null or f.mapping = :mapping)
  and (:day::date is null or f.file_id in (select d.file_id from ops.file_days d where d._client_id = :client and d.date = :day))`;
const fileListValues = ({ client, outcome, mapping, day }: FileFilter & { client: string }) => ({
  ...{ client, outcome: outcome ?? null, mapping: mapping ?? null, day: day ?? null },
});

/** In the order of their numbers, or by what is in them. */
export const fileOrders = {
  by: {
    committedAt: [],
    name: [{ sql: "lower(f.name)", type: "text" }],
    lines: [{ sql: "f.lines", type: "whole" }],
    imported: [{ sql: importedLines("f."), type: "whole" }],
    rejected: [{ sql: "f.rejected", type: "whole" }],
    "sums.spend": [{ sql: "f.spend", type: "number" }],
    "days.from": [{ sql: "f.day_from", type: "day", canBeMissing: true }],
    "days.to": [{ sql: "f.day_to", type: "day", canBeMissing: true }],
    replacedSince: [{ sql: "f.replaced", type: "whole" }],
  },
  then: [{ sql: "f.file_id", type: "whole" }],
  usual: "-committedAt",
} satisfies Orders;

export function listFiles(
  database: Queryable,
  { order, limit, ...filter }: FileFilter & { client: string; order?: Order; limit: number },
): Promise<Placed<FileRow>[]> {
  return readOrdered<FileRow>(database, {
    ...{ columns: fileColumns, from: "ops.files f", where: inFileList, values: fileListValues(filter) },
    ...{ orders: fileOrders, order, limit },
  });
}

export interface FileTotals {
  files: number;
  refused: number;
  lines: number;
  imported: number;
  rejected: number;
}

/** All that the filters of the list leave. Their amounts are no sum: days that two files have would be in it twice. */
export async function countFiles(database: Queryable, filter: FileFilter & { client: string }): Promise<FileTotals> {
  const { rows } = await database.query<FileTotals>(
    named(
      `select count(*)::int as files, count(*) filter (where outcome = 'refused')::int as refused, coalesce(sum(lines), 0)::bigint as lines,
            coalesce(sum(${importedLines("")}), 0)::bigint as imported, coalesce(sum(rejected), 0)::bigint as rejected
         from ops.files f where ${inFileList}`,
      fileListValues(filter),
    ),
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a count has one row");
  return row;
}

/** A number for a file, before its rows carry it. Numbers of attempts that failed are not used again. */
export async function takeFileId(database: Queryable): Promise<number> {
  const { rows } = await database.query<{ id: number }>("select nextval('ops.files_file_id_seq')::int as id");
  const [row] = rows;
  if (row === undefined) throw new Error("ops.files gave no number");
  return row.id;
}

/** Another run has committed the same content first. Thrown inside the transaction, so that nothing of this one stays. */
export class FileAlreadyIngested extends Error {
  constructor(readonly file: FileRow) {
    super(`this file was ingested as number ${file.fileId} at ${file.committedAt.toISOString()}`);
    this.name = "FileAlreadyIngested";
  }
}

/** What is known of a file whatever became of it. */
export interface HandledFile extends FileContent {
  fileId: number;
  source: string;
  name: string;
  place: FileRow["place"];
  path: string;
  bytes: number;
  optionsHash: string;
  lines: number;
  preamble: number;
  totals: number;
  rejected: number;
  runId: string;
  workflowId: string;
  startedAt: Date;
}

/**
 * Writes the receipt of a file in the transaction that merged it. The merge holds the client's lock, so what is looked
 * up here is what is committed. With `force` the same content may be there already: this one is then a repeat.
 */
export async function recordIngested(
  session: Session,
  file: HandledFile & { force: boolean },
  merged: MergedFile,
): Promise<FileRow> {
  const known = await findIngestedFile(session, file);
  if (known !== null && !file.force) throw new FileAlreadyIngested(known);
  return insertFile(session, file, {
    ...merged,
    outcome: "ingested",
    reason: null,
    isRepeat: known !== null,
  });
}

/** A file of which nothing was stored, and why. A run that refuses again leaves the first record as it is. */
export async function recordRefused(database: Queryable, file: HandledFile, reason: string): Promise<FileRow> {
  return insertFile(database, file, { ...nothingMerged, outcome: "refused", reason, isRepeat: false });
}

async function insertFile(
  database: Queryable,
  file: HandledFile,
  result: MergedFile & Pick<FileRow, "outcome" | "reason" | "isRepeat">,
): Promise<FileRow> {
  const statement = named(
    `insert into ops.files (file_id, _client_id, source, name, place, path, bytes, sha256, mapping, mapping_version, options_hash, is_repeat, outcome, reason,
                            lines, preamble, totals, inserted, updated, unchanged, removed, combined, superseded, superseded_impressions, superseded_clicks,
                            superseded_spend, rejected, impressions, clicks, spend, day_from, day_to, run_id, workflow_id, started_at, origin, warning)
     values (:fileId, :client, :source, :name, :place, :path, :bytes, :sha256, :mapping, :mappingVersion, :optionsHash, :isRepeat, :outcome, :reason,
             :lines, :preamble, :totals, :inserted, :updated, :unchanged, :removed, :combined, :supersededLines, :supersededImpressions, :supersededClicks, :supersededSpend,
             :rejected, :impressions, :clicks, :spend, :from,
             :to, :runId, :workflowId, :startedAt, :origin, :warning)
     on conflict (run_id) do ${result.outcome === "refused" ? "update set run_id = excluded.run_id" : "nothing"}
     returning ${fileColumns}`,
    {
      fileId: file.fileId,
      client: file.client,
      source: file.source,
      name: file.name,
      place: file.place,
      path: file.path,
      bytes: file.bytes,
      sha256: file.sha256,
      mapping: file.mapping,
      mappingVersion: file.mappingVersion,
      optionsHash: file.optionsHash,
      isRepeat: result.isRepeat,
      outcome: result.outcome,
      reason: result.reason,
      lines: file.lines,
      preamble: file.preamble,
      totals: file.totals,
      inserted: result.inserted,
      updated: result.updated,
      unchanged: result.unchanged,
      removed: result.removed,
      combined: result.combined,
      supersededLines: result.superseded.lines,
      supersededImpressions: result.superseded.impressions,
      supersededClicks: result.superseded.clicks,
      supersededSpend: result.superseded.spend,
      rejected: file.rejected,
      impressions: result.stored.impressions,
      clicks: result.stored.clicks,
      spend: result.stored.spend,
      from: result.from,
      to: result.to,
      runId: file.runId,
      workflowId: file.workflowId,
      startedAt: file.startedAt,
      origin: result.origin,
      warning: result.warning,
    },
  );
  const { rows } = await database.query<FileRow>(statement);
  const [row] = rows;
  if (row === undefined) throw await alreadyRecorded(database, file.runId);
  return row;
}

/** Two attempts of one run: the first one to commit is the one that counts. */
async function alreadyRecorded(database: Queryable, runId: string): Promise<Error> {
  const file = await findFileOfRun(database, runId);
  return file === null ? new Error(`run ${runId} has a file that cannot be read`) : new FileAlreadyIngested(file);
}

/**
 * Lines that were quarantined and have now been merged, with `redriven` set, under their file's number: they move from
 * rejected to stored in its receipt. Same transaction as the merge.
 */
export async function recordRedriven(
  session: Session,
  of: { client: string; fileId: number; totals: number },
  merged: MergedFile,
): Promise<void> {
  const { superseded, stored } = merged;
  await session.query(
    `update ops.files
        set inserted = inserted + $3, updated = updated + $4, unchanged = unchanged + $5, combined = combined + $6, superseded = superseded + $7,
            superseded_impressions = superseded_impressions + $8, superseded_clicks = superseded_clicks + $9, superseded_spend = superseded_spend + $10,
            impressions = impressions + $11, clicks = clicks + $12, spend = spend + $13, rejected = rejected - ($3 + $4 + $5 + $6 + $7 + $16),
            lines = lines - $16, totals = totals + $16,
            removed = removed + $17, warning = coalesce($18, warning), day_from = least(day_from, $14), day_to = greatest(day_to, $15)
      where _client_id = $1 and file_id = $2`,
    [
      of.client,
      of.fileId,
      merged.inserted,
      merged.updated,
      merged.unchanged,
      merged.combined,
      superseded.lines,
      superseded.impressions,
      superseded.clicks,
      superseded.spend,
      stored.impressions,
      stored.clicks,
      stored.spend,
      merged.from,
      merged.to,
      of.totals,
      merged.removed,
      merged.warning,
    ],
  );
}
