import { createHash } from "node:crypto";
import { metricMeter } from "@temporalio/activity";
import type { Config } from "../../settings/config.ts";
import { sha256 } from "../../core/crypto.ts";
import { dayAt } from "../../core/days.ts";
import type { ClientIngestSettings } from "../../settings/files.ts";
import { maskContacts, maskPersonal } from "../../core/personal.ts";
import type { Redact } from "../../core/redact.ts";
import type { Seal } from "../../core/seal.ts";
import { changed, FileProblem, unpacked, type OpenedFile } from "../../connectors/files/file-places.ts";
import {
  defaultLimits,
  FileRefused,
  readPerformanceFile,
  type FileCounts,
  type RejectedLine,
} from "../../connectors/files/performance-file.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import {
  FileAlreadyIngested,
  findFileOfRun,
  findIngestedFile,
  recordIngested,
  recordRefused,
  takeFileId,
  type FileRow,
  type HandledFile,
} from "../../queries/files/files.ts";
import { allowLongWork, backendOf, cancelBackend, keepHeader } from "../../queries/files/ingest.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { checkBooks } from "../../queries/files/books.ts";
import { readKnownCreatives } from "../../queries/files/check-creatives.ts";
import { mergeStaged, takeTurn } from "../../queries/files/merge-file.ts";
import { quarantineRejected, readRejectedLines, stageRejected } from "../../queries/files/quarantined-lines.ts";
import { openStaging, type Staging } from "../../queries/files/staging.ts";
import { learnSizes, refreshAggregates, type Refreshed } from "../../queries/rtb/rollups.ts";
import { CommitUnknown, inTransaction, type Database, type Session } from "../../schema/database.ts";
import { guardedBy } from "../shared/failures.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import { quarantineSeal } from "../shared/quarantine-seal.ts";
import { runOf } from "../shared/run-of.ts";
import { endingUnknown } from "./ending-unknown.ts";
import { clientShape, ingestShape, settingsOf, withHeartbeat, type IngestInput } from "./input.ts";
import { mappingRecognised, mappingToldFor, type NamedMapping } from "./mapping.ts";
import { openPlace, placeOf, type FilePlace } from "./places.ts";
import { createRedriveActivities } from "./redrive.ts";
import { createWatchActivities } from "./watch.ts";

export type { Refreshed };

export interface IngestDependencies {
  database: Database;
  config: Config;
  redact: Redact;
}

export interface Sums {
  impressions: string;
  clicks: string;
  spend: string;
}

export interface LineError {
  line: number;
  column: string | null;
  reason: string;
}

/** What became of a file: the same for the command, the HTTP server and the UI. */
export interface IngestAnswer {
  status: "ingested" | "already_ingested" | "refused" | "checked";
  /** Null when nothing was written: the number of a file in ops.files otherwise. */
  fileId: number | null;
  client: string;
  name: string;
  mapping: string;
  bytes: number;
  lines: number;
  /** Lines whose amounts are in the table now. */
  imported: number;
  /** Lines that are not: superseded or rejected. */
  skipped: number;
  inserted: number;
  updated: number;
  unchanged: number;
  /** Lines that were added to another of the same key. */
  combined: number;
  superseded: Sums & { lines: number };
  rejected: number;
  /** The first of the rejected lines; the quarantine holds all. */
  errors: LineError[];
  sums: Sums;
  days: { from: string | null; to: string | null };
  /** Of the rows it wrote, those that later files have replaced. */
  replacedSince: number;
  /** Why it was refused. */
  reason: string | null;
  preamble: number;
  totals: number;
  /** Columns that split the file's lines finer than they are stored. */
  summedOver: string[];
  encoding: string | null;
  delimiter: string | null;
}

/** How far an attempt is: what its heartbeats tell. */
export interface IngestProgress {
  phase: "hashing" | "reading" | "merging";
  bytes: number;
  ofBytes: number;
  lines: number;
}

const shownErrors = 100;
const shownReason = 300;
const quarantinedAtATime = 1_000;
const quarantinedBytes = 4_000_000;

/** The activities of files: take one, look for new ones, take up again what was set aside, compute the roll-ups anew. */
export function createIngestActivities(given: IngestDependencies) {
  const { database, config } = given;
  // A cell can hold anything: what is said of it names no person.
  const redact: Redact = (text) => maskContacts(given.redact(text));
  const dependencies = { ...given, redact };
  const guarded = guardedBy(redact);
  return {
    ...createWatchActivities(dependencies),
    ...createRedriveActivities(dependencies),

    /** Reads, checks and merges one file in one transaction with its receipt; a known one is only looked up. */
    async takeFile(input: IngestInput): Promise<IngestAnswer> {
      const { runId } = runOf();
      const progress: IngestProgress = { phase: "hashing", bytes: 0, ofBytes: 0, lines: 0 };
      return endingUnknown(() =>
        withHeartbeat(progress, redact, async (signal) => {
          const earlier = await findFileOfRun(database, runId);
          if (earlier !== null && input?.dryRun !== true) return answerOfRow(earlier);
          const place = await placeOf(config, checkedInput(ingestShape, input));
          const told = await mappingToldFor(config, place);
          const opened = await openPlace(config, place, signal);
          try {
            const mapping = told ?? (await mappingRecognised(config, place, opened, signal));
            return await takeOpened({ place, mapping, opened, progress, signal });
          } finally {
            await opened.close();
          }
        }),
      );
    },

    /** Tells people of a file that could not be taken, and of nothing twice. */
    async noteIngestFailure(failed: { input: IngestInput; type: string; reason: string }): Promise<void> {
      const { input, type, reason } = failed;
      const name = input.url ?? input.path ?? "file";
      await guarded(`file ${name}`, async () => {
        await raiseAlert(database, {
          client: config.clients.includes(input.client ?? "") ? (input.client ?? "") : (config.clients[0] ?? ""),
          area: "ingest",
          kind: "ingest_failed",
          subject: name.slice(0, 500),
          severity: type === "CredentialsRejected" ? "critical" : "warning",
          message: redact(`${name}: ${reason}`).slice(0, 1_000),
          details: { type },
        });
      });
    },

    /** Computes every roll-up anew, of one client or of all, and checks that its files add up. */
    async refreshClients(input: { client?: string }): Promise<Refreshed[]> {
      const { client } = checkedInput(clientShape, input ?? {});
      const clients = client === undefined ? config.clients : [clientNamed(config, client)];
      return withHeartbeat({ clients }, redact, async () => {
        const refreshed: Refreshed[] = [];
        for (const one of clients) {
          const today = dayAt(await databaseNow(database), settingsOf(config, one).timezone);
          refreshed.push(await refreshAggregates(database, { client: one, today }));
          await checkBooks(database, one);
        }
        return refreshed;
      });
    },
  };

  async function takeOpened(taking: Taking): Promise<IngestAnswer> {
    const { place, mapping, opened, progress, signal } = taking;
    const startedAt = await databaseNow(database);
    progress.ofBytes = opened.bytes;
    let refusal: { reason: string; counts: Partial<FileCounts>; errors: LineError[] } | undefined;
    const errors: LineError[] = [];
    let digest = "";
    try {
      digest = await hashOf(opened, progress, signal);
      await opened.assertUnchanged();
      if (place.expectedHash !== null && place.expectedHash !== digest) throw changed(opened.name);
      const content = {
        client: place.client,
        sha256: digest,
        mapping: mapping.mapping.name,
        mappingVersion: mapping.mapping.version,
      };
      const known = await findIngestedFile(database, content);
      if (known !== null && !place.force && !place.dryRun)
        return { ...(await answerOfRow(known)), status: "already_ingested" };
      const reading = { ...taking, digest, startedAt, errors };
      return place.dryRun ? await checkOnly(reading) : await store(reading);
    } catch (error) {
      if (error instanceof FileAlreadyIngested) {
        // A timed-out attempt of this run that committed after all counts as this run's.
        const own = error.file.runId === runOf().runId;
        return { ...(await answerOfRow(error.file)), ...(own ? {} : { status: "already_ingested" }) };
      }
      if (error instanceof FileRefused)
        refusal = { reason: whereAnd(error), counts: error.counts, errors: [...errors, ...errorAt(error)] };
      else if (error instanceof FileProblem && error.kind === "content")
        refusal = { reason: error.message, counts: {}, errors };
      else throw error;
    }
    return refuse(taking, { ...refusal, digest, startedAt });
  }

  async function store(reading: Reading): Promise<IngestAnswer> {
    const { place, mapping, progress, signal, errors } = reading;
    const { runId } = runOf();
    const settings = settingsOf(config, place.client);
    let counts: FileCounts | undefined;
    const row = await inTransaction(database, async (session) => {
      await allowLongWork(session);
      return cancellable(session, signal, async () => {
        const known = settings.createStubs ? null : await readKnownCreatives(session, place.client);
        const staging = await openStaging(session);
        const setAside = createSetAside(session, staging, quarantineSeal(config));
        const today = dayAt(reading.startedAt, settings.timezone);
        counts = await readChecked(reading, {
          settings,
          today,
          knownCreatives: known,
          accepted: (block) => staging.write(block),
          rejected: (lines) => setAside.add(lines),
        });
        await setAside.flush();
        await staging.end();
        progress.phase = "merging";
        const fileId = await takeTurn(session, place.client);
        if (counts.rejected > 0) {
          await quarantineRejected(session, { client: place.client, fileId, runId });
          await keepHeader(
            session,
            { client: place.client, fileId },
            {
              header: counts.headerText,
              delimiter: counts.delimiter,
              mapping: mapping.reference,
              mappingContent: mapping.content,
            },
          );
        }
        const merged = await mergeStaged(session, {
          client: place.client,
          fileId,
          today,
          combine: mapping.mapping.combine,
          createStubs: settings.createStubs,
          doubtful: counts.doubtful,
        });
        const stored = await recordIngested(
          session,
          { ...handled(reading, fileId, counts), force: place.force },
          merged,
        );
        await settleAlerts(session, { ...subjectOf(place), kinds: alertKinds, notes: "the file was taken" });
        return stored;
      });
    }).catch(async (error: unknown) => {
      const found = error instanceof CommitUnknown ? await findFileOfRun(database, runId) : null;
      if (found === null) throw error;
      return found;
    });
    // What is stored stays stored, whatever becomes of this.
    await learnSizes(database).catch(() => undefined);
    countFile(row);
    return { ...(await answerOfRow(row, errors)), ...readingFacts(counts) };
  }

  /** Reads as a real ingest does, against the same creatives, and leaves nothing. */
  async function checkOnly(reading: Reading): Promise<IngestAnswer> {
    const { place } = reading;
    const settings = settingsOf(config, place.client);
    const known = settings.createStubs ? null : await readKnownCreatives(database, place.client);
    const counts = await readChecked(reading, {
      settings,
      today: dayAt(reading.startedAt, settings.timezone),
      knownCreatives: known,
      accepted: () => Promise.resolve(),
      rejected: () => Promise.resolve(),
    });
    return {
      ...emptyAnswer(reading),
      status: "checked",
      lines: counts.lines,
      imported: counts.accepted,
      skipped: counts.rejected,
      rejected: counts.rejected,
      errors: reading.errors,
      sums: counts.sum,
      days: { from: counts.from, to: counts.to },
      preamble: counts.preamble,
      totals: counts.totals,
      ...readingFacts(counts),
    };
  }

  async function readChecked(
    { place, mapping, opened, progress, signal, errors, digest }: Reading,
    to: {
      settings: ClientIngestSettings;
      today: string;
      knownCreatives: { has(id: string): boolean } | null;
      accepted: (block: Buffer) => Promise<void>;
      rejected: (lines: RejectedLine[]) => Promise<void>;
    },
  ): Promise<FileCounts> {
    const again = createHash("sha256");
    Object.assign(progress, { phase: "reading", bytes: 0 });
    const packed = counting(opened.read(signal), (chunk) => {
      again.update(chunk);
      progress.bytes += chunk.length;
    });
    const counts = await readPerformanceFile(unpacked(opened.name, packed, { maxBytes: config.ingest.maxBytes }), {
      mapping: mapping.mapping,
      today: to.today,
      currency: to.settings.currency,
      knownCreatives: to.knownCreatives,
      limits: {
        ...defaultLimits,
        refuseAboveShare: to.settings.refuseAboveShare,
        refuseFromLines: to.settings.refuseFromLines,
      },
      signal,
      accepted: to.accepted,
      rejected(found) {
        const lines = found.map((line) => ({ ...line, reason: maskPersonal(redact(line.reason)) }));
        for (const { line, column, reason } of lines.slice(0, shownErrors - errors.length))
          errors.push({ line, column, reason: reason.slice(0, shownReason) });
        return to.rejected(lines);
      },
      progress: ({ lines }) => void (progress.lines = lines),
    });
    await opened.assertUnchanged();
    // What was hashed is what was stored, whatever the clocks of a network drive say.
    if (again.digest("hex") !== digest) throw changed(opened.name);
    if (place.expectedHash !== null && place.expectedHash !== digest) throw changed(opened.name);
    return counts;
  }

  /** Nothing of it is stored; that it was refused, and why, is. */
  async function refuse(
    taking: Taking,
    refusal: { reason: string; counts: Partial<FileCounts>; errors: LineError[]; digest: string; startedAt: Date },
  ): Promise<IngestAnswer> {
    const { place } = taking;
    const { counts, digest, startedAt } = refusal;
    // An upload lies under a number that means nothing to whoever sent it.
    const reason = redact(
      place.place === "upload" ? refusal.reason.replaceAll(taking.opened.name, place.name) : refusal.reason,
    ).slice(0, 1_000);
    const answer: IngestAnswer = {
      ...emptyAnswer(taking),
      status: "refused",
      lines: counts.lines ?? 0,
      skipped: counts.lines ?? 0,
      rejected: counts.rejected ?? 0,
      errors: refusal.errors.slice(0, shownErrors),
      preamble: counts.preamble ?? 0,
      totals: counts.totals ?? 0,
      reason,
      ...readingFacts(counts),
    };
    if (place.dryRun) return answer;
    const fileId = await takeFileId(database);
    await inTransaction(database, async (session) => {
      await recordRefused(session, handled({ ...taking, digest, startedAt }, fileId, counts), reason);
      await raiseAlert(session, {
        ...subjectOf(place),
        kind: "file_refused",
        severity: "warning",
        message: `${place.place === "upload" ? place.name : taking.opened.name} was refused, nothing of it is stored: ${reason}`,
        details: { fileId, path: place.path, mapping: taking.mapping.mapping.name },
      });
    });
    metricMeter
      .createCounter("signal_room_files", "files", "Files handed in, by what became of them")
      .add(1, { client: place.client, outcome: "refused" });
    return { ...answer, fileId };
  }

  async function answerOfRow(row: FileRow, errors?: LineError[]): Promise<IngestAnswer> {
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

  /** While the work goes on, a cancellation also reaches the statement that Postgres is at. */
  async function cancellable<Result>(
    session: Session,
    signal: AbortSignal,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const pid = await backendOf(session);
    const onAbort = () => void cancelBackend(database, pid).catch(() => undefined);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  function handled(
    { place, mapping, opened, digest, startedAt }: Taking & { digest: string; startedAt: Date },
    fileId: number,
    counts: Partial<FileCounts>,
  ): HandledFile {
    const { s3: _s3, ...settings } = settingsOf(config, place.client);
    return {
      fileId,
      client: place.client,
      sha256: digest,
      mapping: mapping.mapping.name,
      mappingVersion: mapping.mapping.version,
      name: place.name,
      place: place.place,
      path: place.path,
      bytes: opened.bytes,
      optionsHash: sha256(JSON.stringify(settings)).slice(0, 16),
      lines: counts.lines ?? 0,
      preamble: counts.preamble ?? 0,
      totals: counts.totals ?? 0,
      rejected: counts.rejected ?? 0,
      startedAt,
      ...runOf(),
    };
  }
}

interface Taking {
  place: FilePlace;
  mapping: NamedMapping;
  opened: OpenedFile;
  progress: IngestProgress;
  signal: AbortSignal;
}

interface Reading extends Taking {
  digest: string;
  startedAt: Date;
  errors: LineError[];
}

const alertKinds = ["file_refused", "ingest_failed"];

/** A file that is mended and handed in again under its name settles what was said of it. */
function subjectOf(place: FilePlace) {
  // An upload's path is another each time; what its sender calls it is not.
  const subject = place.place === "upload" ? place.name : place.path;
  return { client: place.client, area: "ingest", subject: subject.slice(0, 500) };
}

/** Rejected lines on their way to the quarantine: staging has to pause for them, so they go in lots, small in bytes too. */
function createSetAside(
  session: Session,
  staging: Staging,
  seal: Seal,
): { add: (lines: RejectedLine[]) => Promise<void>; flush: () => Promise<void> } {
  let waiting: RejectedLine[] = [];
  let bytes = 0;
  const flush = async () => {
    if (waiting.length === 0) return;
    await staging.pause();
    await stageRejected(session, waiting);
    waiting = [];
    bytes = 0;
  };
  return {
    async add(lines) {
      for (const line of lines) {
        const content = seal.seal(line.content);
        // What is not kept cannot be read again.
        waiting.push({ ...line, content, whole: line.whole && content !== "" });
        bytes += line.content.length;
        if (waiting.length >= quarantinedAtATime || bytes >= quarantinedBytes) await flush();
      }
    },
    flush,
  };
}

async function hashOf(opened: OpenedFile, progress: IngestProgress, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  progress.bytes = 0;
  for await (const chunk of opened.read(signal)) {
    hash.update(chunk);
    progress.bytes += chunk.length;
  }
  return hash.digest("hex");
}

async function* counting(
  bytes: AsyncIterable<Uint8Array>,
  onChunk: (chunk: Uint8Array) => void,
): AsyncIterable<Uint8Array> {
  for await (const chunk of bytes) {
    onChunk(chunk);
    yield chunk;
  }
}

function whereAnd({ line, column, message }: FileRefused): string {
  if (line === null || message.startsWith(`line ${line}`)) return message;
  return `line ${line}${column === null ? "" : `, column ${column}`}: ${message}`;
}

function errorAt({ line, column, message }: FileRefused): LineError[] {
  if (line === null) return [];
  return [{ line, column, reason: message.replace(`line ${line}: `, "").slice(0, shownReason) }];
}

function readingFacts(
  counts: Partial<FileCounts> | undefined,
): Pick<IngestAnswer, "summedOver" | "encoding" | "delimiter"> {
  return {
    summedOver: counts?.summedOver ?? [],
    encoding: counts?.encoding ?? null,
    delimiter: counts?.delimiter ?? null,
  };
}

function emptyAnswer({ place, mapping, opened }: Taking): IngestAnswer {
  const nothing = { impressions: "0", clicks: "0", spend: "0" };
  return {
    status: "refused",
    fileId: null,
    client: place.client,
    name: place.name,
    mapping: mapping.mapping.name,
    bytes: opened.bytes,
    lines: 0,
    imported: 0,
    skipped: 0,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    combined: 0,
    superseded: { lines: 0, ...nothing },
    rejected: 0,
    errors: [],
    sums: nothing,
    days: { from: null, to: null },
    replacedSince: 0,
    reason: null,
    preamble: 0,
    totals: 0,
    ...readingFacts(undefined),
  };
}

function countFile(row: FileRow): void {
  metricMeter
    .createCounter("signal_room_files", "files", "Files handed in, by what became of them")
    .add(1, { client: row.client, outcome: "ingested" });
  const rows = metricMeter.createCounter("signal_room_file_rows", "rows", "Rows of files, by what happened to them");
  for (const change of ["inserted", "updated", "unchanged", "superseded", "rejected"] as const)
    rows.add(row[change], { client: row.client, change });
}
