import type { FileCounts } from "../../connectors/files/performance-file.ts";
import type { FileRow } from "../../queries/files/files.ts";
import { sayReplaced } from "../../queries/files/replaced-rows.ts";
import { readRejectedLines } from "../../queries/files/quarantined-lines.ts";
import { answerOf, type IngestAnswer, type LineError, type ReadingFacts } from "../../rules/files/ingest-answer.ts";
import { shownErrors, shownReason, type FilesContext, type Taking } from "./shapes.ts";

interface Known {
  /** Read from the quarantine where they are left out. */
  errors?: readonly LineError[];
  counts?: Partial<FileCounts> | undefined;
  isKnown?: boolean;
}

/** What is known of a file from its receipt. */
export async function answerOfRow(
  { database }: Pick<FilesContext, "database">,
  row: FileRow,
  { errors, counts = {}, isKnown }: Known = {},
): Promise<IngestAnswer> {
  const { client, fileId } = row;
  const shown =
    errors ??
    (row.rejected === 0
      ? []
      : (await readRejectedLines(database, { client, fileId, openOnly: true, limit: shownErrors })).map(
          ({ line, column, reason }) => ({ line, column, reason: reason.slice(0, shownReason) }),
        ));
  const replaced = isKnown === true ? await sayReplaced(database, row) : null;
  const known = replaced === null ? row : { ...row, reason: replaced };
  return answerOf(known, { errors: shown.slice(0, shownErrors), facts: factsOf(counts), isKnown });
}

const factsOf = (counts: Partial<FileCounts>): ReadingFacts => ({
  summedOver: counts.summedOver ?? [],
  encoding: counts.encoding ?? null,
  delimiter: counts.delimiter ?? null,
});

/** What reading a file came to of which nothing is written, not even a receipt. */
export interface Unwritten {
  outcome: "checked" | "refused";
  counts: Partial<FileCounts>;
  errors: readonly LineError[];
  reason: string | null;
}

export function answerOfReading(
  { place, mapping, opened }: Taking,
  { outcome, counts, errors, reason }: Unwritten,
): IngestAnswer {
  const { sum = nothing, from = null, to = null } = outcome === "checked" ? counts : {};
  const receipt = {
    fileId: null,
    client: place.client,
    name: place.name,
    mapping: mapping.mapping.name,
    bytes: opened.bytes,
    outcome,
    reason,
    lines: counts.lines ?? 0,
    preamble: counts.preamble ?? 0,
    totals: counts.totals ?? 0,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    removed: 0,
    combined: 0,
    superseded: 0,
    supersededImpressions: "0",
    supersededClicks: "0",
    supersededSpend: "0",
    rejected: counts.rejected ?? 0,
    ...sum,
    dayFrom: from,
    dayTo: to,
    replaced: 0,
    warning: null,
    origin: null,
  };
  return answerOf(receipt, { errors: errors.slice(0, shownErrors), facts: factsOf(counts) });
}

const nothing = { impressions: "0", clicks: "0", spend: "0" };
