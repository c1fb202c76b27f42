import { maskPersonal } from "../../core/personal.ts";
import { notOneRecord } from "../../rules/files/one-record.ts";
import { defaultLimits, FileRefused, readPerformanceFile } from "../../connectors/files/performance-file.ts";
import { jsonDelimiter } from "../../connectors/files/json-fields.ts";
import type { FileMapping } from "../../connectors/files/mapping.ts";
import { readFileRow, recordRedriven } from "../../queries/files/files.ts";
import { UnknownSeat } from "../../queries/rtb/seats.ts";
import { readHeader, type FileHeader } from "../../queries/files/file-header.ts";
import { allowLongWork } from "../../queries/files/ingest.ts";
import {
  contentDeleted,
  countOpenLines,
  lockFile,
  readContentDeleted,
  readOpenLines,
  resolveRedriven,
  stageStillRejected,
  type RejectedLineError,
} from "../../queries/files/quarantined-lines.ts";
import { mergeStaged } from "../../queries/files/merge-file.ts";
import { DayLost } from "../../queries/files/report-losses.ts";
import { storeOf } from "../../queries/files/stores.ts";
import { openStaging } from "../../queries/files/staging.ts";
import { readStreamOf } from "../../queries/files/added-events.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { inTransaction, type Session } from "../../schema/database.ts";
import { invalidInput } from "../shared/failures.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import type { FilesContext } from "./shapes.ts";
import { settingsOf, withHeartbeat } from "./input.ts";
import { readLineBasis } from "./line-basis.ts";
import { linesAsFile } from "./lines-as-file.ts";
import { messagesApart, withoutEvent } from "./messages-apart.ts";
import { checkedMapping, mappingNamed } from "./mapping.ts";

/** What trying the rejected lines of one file again came to. */
export interface Redriven {
  fileId: number;
  name: string;
  tried: number;
  /** Lines that left the quarantine. */
  resolved: number;
  remaining: number;
  inserted: number;
  updated: number;
  unchanged: number;
  /** Lines that a newer file, or a later line, overwrites. */
  superseded: number;
  /** Why none of them could be read, when that is so. */
  reason: string | null;
  /** The first of those that were read and are still rejected. Runs that began before this was so have none. */
  errors?: { line: number; reason: string }[];
}

export interface RedriveStep extends Redriven {
  /** Always null: a file is one step. Runs that began before this was so go on after the line that is named. */
  next: number | null;
}

/**
 * Reads the rejected lines of a file again, as the header of their file says and by today's creatives and mapping. What is
 * good now joins the file in its own place: what newer files, and later lines of this one, have written stays. All in one
 * transaction, so that lines of one key meet, whichever of them was rejected before.
 */
export async function redriveLines(
  context: FilesContext,
  { client, fileId }: { client: string; fileId: number },
): Promise<RedriveStep> {
  const { database, redact } = context;
  return withHeartbeat({ fileId }, redact, async (signal) => {
    const row = await readFileRow(database, { client, fileId });
    if (row === null) throw invalidInput(`client ${client} has no file ${fileId}`);
    const unread = async (tried: number, reason: string): Promise<RedriveStep> => ({
      ...nothingRedriven,
      fileId,
      name: row.name,
      tried,
      remaining: await countOpenLines(database, { client, fileId }),
      reason,
    });
    const isOwners = row.place === "warehouse";
    const kept = await readHeader(database, { client, fileId }, quarantineSeal(context.config));
    if (kept === null) {
      const deleted = await readContentDeleted(database, { client, fileId });
      return unread(
        0,
        deleted === null
          ? "its header was not kept: import the file again"
          : `${contentDeleted(deleted)}: import the file again`,
      );
    }
    const merge = (refusesDoubt: boolean) =>
      inTransaction(database, async (session) => {
        await allowLongWork(session);
        await lockFile(session, { client, fileId });
        const done = await mergeRedriven(context, session, { client, fileId, kept, signal, refusesDoubt, isOwners });
        return { ...nothingRedriven, fileId, name: row.name, ...done };
      });
    try {
      // Two ways to write amounts among the lines refuse the lines in doubt, and not all of them as they would a file.
      return await merge(false).catch((error: unknown) => {
        if (error instanceof FileRefused && error.code === "decimal_sign") return merge(true);
        throw error;
      });
    } catch (error) {
      if (!(error instanceof FileRefused || error instanceof DayLost || error instanceof UnknownSeat)) throw error;
      return unread(row.rejected, redact(error.message));
    }
  });
}

async function mergeRedriven(
  context: FilesContext,
  session: Session,
  of: {
    client: string;
    fileId: number;
    kept: FileHeader;
    signal: AbortSignal;
    refusesDoubt: boolean;
    isOwners: boolean;
  },
): Promise<Partial<RedriveStep>> {
  const { client, fileId, kept, signal, refusesDoubt } = of;
  const { config, redact } = context;
  const settings = settingsOf(config, client);
  const ofStream = await readStreamOf(session, fileId);
  const eventField = ofStream?.eventField ?? null;
  const mapping = await mappingOf(context, client, kept, eventField);
  const at = await databaseNow(session);
  const basis = await readLineBasis(session, { client, settings, mapping, at, isOwners: of.isOwners });
  const store = storeOf(mapping.kind);
  const staging = await openStaging(session, store.staged);
  const errors: { line: number; reason: string }[] = [];
  const still = async (lines: readonly RejectedLineError[]) => {
    const masked = lines.map(({ line, column, reason }) => ({ line, column, reason: maskPersonal(redact(reason)) }));
    for (const { line, reason } of masked.slice(0, shownErrors - errors.length))
      errors.push({ line, reason: reason.slice(0, shownReason) });
    await staging.pause();
    await stageStillRejected(session, masked);
  };
  const opened = openedLines(context, session, { client, fileId });
  const messages =
    ofStream === null ? null : await messagesApart(opened, { mapping, currency: basis.currency, eventField, still });
  const lines = messages ?? linesApart(opened, kept, still);
  const counts = messages?.isEmpty
    ? { accepted: 0, totals: 0, lines: 0, grain: "" }
    : await readPerformanceFile(linesAsFile({ ...kept, ...messages?.dialect }, lines.each), {
        mapping,
        refusesDoubt: refusesDoubt || ofStream !== null,
        isOfMessages: ofStream !== null,
        ...basis,
        limits: { ...defaultLimits, refuseAboveShare: 1, refuseFromLines: Number.MAX_SAFE_INTEGER },
        signal,
        named: (creatives) => staging.name(creatives),
        accepted: (block) => staging.write(block),
        rejected: still,
      });
  await staging.end();
  const { resolved, remaining } = await resolveRedriven(session, { client, fileId });
  // A corrected mapping may mark a line as a total: it is no data line then.
  const { totals } = counts;
  if (resolved !== counts.accepted + totals)
    throw new Error(
      `${counts.accepted + totals} lines of file ${fileId} are good now, and ${resolved} would be resolved`,
    );
  const tried = counts.lines + totals + lines.leftOut();
  errors.sort((one, other) => one.line - other.line);
  if (resolved === 0) return { tried, remaining, errors };
  const { combine } = mapping;
  const { createStubs } = settings;
  const { today } = basis;
  const { grain } = counts;
  const target = { client, fileId, today, grain, createStubs, redriven: true };
  const merged =
    ofStream !== null && messages !== null && eventField !== null
      ? await mergeStaged(session, { ...target, combine: "add", events: messages.events(ofStream.stream) })
      : await store.merge(session, { ...target, combine });
  await recordRedriven(session, { client, fileId, totals }, merged);
  const { inserted, updated, unchanged, superseded } = merged;
  return { tried, resolved, remaining, inserted, updated, unchanged, superseded: superseded.lines, errors };
}

/**
 * Leaves out what is not exactly one line, and says so of it: among the others it would take some of them into itself, and
 * the whole file would be refused for one line.
 */
function linesApart(
  opened: AsyncIterable<{ line: number; content: string }[]>,
  kept: FileHeader,
  still: (lines: readonly RejectedLineError[]) => Promise<void>,
) {
  let leftOut = 0;
  async function* each() {
    for await (const lines of opened) {
      const odd: RejectedLineError[] = [];
      const good = lines.filter(({ line, content }) => {
        const reason = notOneRecord(content, kept);
        if (reason !== null) odd.push({ line, column: null, reason });
        return reason === null;
      });
      leftOut += odd.length;
      if (odd.length > 0) await still(odd);
      yield good;
    }
  }
  return { each: each(), leftOut: () => leftOut };
}

/** The lines as they stood in their file. */
async function* openedLines(
  { config }: FilesContext,
  session: Session,
  of: { client: string; fileId: number },
): AsyncGenerator<{ line: number; content: string }[]> {
  const seal = quarantineSeal(config);
  for await (const lines of readOpenLines(session, of))
    yield lines.map(({ line, content }) => {
      const opened = seal.open(content);
      if (opened === null)
        throw invalidInput(
          `line ${line} of file ${of.fileId} cannot be opened: it was sealed with another CREDENTIALS_ENCRYPTION_KEY`,
        );
      return { line, content: opened };
    });
}

/** What a workflow's history keeps of them; the quarantine has all. */
const shownErrors = 10;
const shownReason = 200;

const nothingRedriven = {
  tried: 0,
  resolved: 0,
  remaining: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  superseded: 0,
  reason: null,
  next: null,
};

/** The mapping as it is today, since correcting it may be what the lines waited for; the one used before, where it was deleted. */
async function mappingOf(
  { config }: FilesContext,
  client: string,
  kept: FileHeader,
  eventField: string | null,
): Promise<FileMapping> {
  const current = await mappingNamed(config, { client, mapping: kept.mapping }).catch((error: unknown) => {
    if (kept.mappingContent === null) throw error;
    return null;
  });
  const plain = current?.mapping ?? checkedMapping(kept.mapping, kept.mappingContent);
  const mapping = eventField === null ? plain : withoutEvent(plain, eventField);
  const delimiter = kept.delimiter === jsonDelimiter ? null : (kept.delimiter as FileMapping["delimiter"]);
  // What is read now is the header and its lines, in one encoding, with nothing above: the summary was no line of theirs.
  return {
    ...mapping,
    encoding: "auto",
    delimiter,
    preambleLines: 0,
    totals: { ...mapping.totals, summaryLine: false },
  };
}
