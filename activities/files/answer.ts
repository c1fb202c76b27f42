import type { FileCounts } from "../../connectors/files/performance-file.ts";
import type { FileRow } from "../../queries/files/files.ts";
import { readRejectedLines } from "../../queries/files/quarantined-lines.ts";
import {
  shownErrors,
  shownReason,
  type FilesContext,
  type IngestAnswer,
  type LineError,
  type Taking,
} from "./shapes.ts";

/** What is known of a file from its receipt. */
export async function answerOfRow(
  { database }: Pick<FilesContext, "database">,
  row: FileRow,
  errors?: LineError[],
): Promise<IngestAnswer> {
  const { client, fileId } = row;
  const shown =
    errors ??
    (row.rejected === 0
      ? []
      : (await readRejectedLines(database, { client, fileId, openOnly: true, limit: shownErrors })).map(
          ({ line, column, reason }) => ({ line, column, reason: reason.slice(0, shownReason) }),
        ));
  const skipped = row.superseded + row.rejected;
  return {
    status: row.outcome,
    fileId,
    client,
    name: row.name,
    mapping: row.mapping,
    bytes: row.bytes,
    lines: row.lines,
    imported: row.outcome === "refused" ? 0 : row.lines - skipped,
    skipped: row.outcome === "refused" ? row.lines : skipped,
    inserted: row.inserted,
    updated: row.updated,
    unchanged: row.unchanged,
    combined: row.combined,
    superseded: {
      lines: row.superseded,
      impressions: row.supersededImpressions,
      clicks: row.supersededClicks,
      spend: row.supersededSpend,
    },
    rejected: row.rejected,
    errors: shown,
    sums: { impressions: row.impressions, clicks: row.clicks, spend: row.spend },
    days: { from: row.dayFrom, to: row.dayTo },
    replacedSince: row.replaced,
    reason: row.reason,
    preamble: row.preamble,
    totals: row.totals,
    summedOver: [],
    encoding: null,
    delimiter: null,
  };
}

/** What is known only while a file is read, and is not in its receipt. */
export function readingFacts(counts: Partial<FileCounts>): Pick<IngestAnswer, "summedOver" | "encoding" | "delimiter"> {
  return {
    summedOver: counts.summedOver ?? [],
    encoding: counts.encoding ?? null,
    delimiter: counts.delimiter ?? null,
  };
}

/** What reading a file came to of which nothing is stored: it was only checked, or refused. */
export interface Unstored {
  status: "checked" | "refused";
  counts: Partial<FileCounts>;
  errors: readonly LineError[];
  reason: string | null;
}

export function answerOfReading(
  { place, mapping, opened }: Taking,
  { status, counts, errors, reason }: Unstored,
): IngestAnswer {
  const nothing = { impressions: "0", clicks: "0", spend: "0" };
  const { lines = 0, rejected = 0 } = counts;
  const isChecked = status === "checked";
  return {
    status,
    fileId: null,
    client: place.client,
    name: place.name,
    mapping: mapping.mapping.name,
    bytes: opened.bytes,
    lines,
    imported: isChecked ? (counts.accepted ?? 0) : 0,
    skipped: isChecked ? rejected : lines,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    combined: 0,
    superseded: { lines: 0, ...nothing },
    rejected,
    errors: errors.slice(0, shownErrors),
    sums: isChecked ? (counts.sum ?? nothing) : nothing,
    days: isChecked ? { from: counts.from ?? null, to: counts.to ?? null } : { from: null, to: null },
    replacedSince: 0,
    reason,
    preamble: counts.preamble ?? 0,
    totals: counts.totals ?? 0,
    ...readingFacts(counts),
  };
}
