import { randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { maskPersonal } from "../../core/personal.ts";
import { typedId, typedText } from "../../core/typed.ts";
import { FileProblem, unpacked } from "../../connectors/files/file-places.ts";
import { shippedMappings } from "../../connectors/files/mapping.ts";
import { defaultLimits, FileRefused } from "../../connectors/files/performance-file.ts";
import { emptyHead, readHead } from "../../connectors/files/preview.ts";
import { DayLost } from "../../queries/files/report-losses.ts";
import { UnknownSeat } from "../../queries/rtb/seats.ts";
import { sqlState } from "../../schema/database.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { fileFields } from "../../rules/files/header-meanings.ts";
import {
  draftId,
  draftName,
  draftRecord,
  previewKey,
  previewName,
  type DraftRecord,
} from "../../rules/files/drafts.ts";
import type { FileHead, FilePreview } from "../../rules/files/preview.ts";
import { uploadFolder } from "../../rules/files/uploads.ts";
import { invalidInput } from "../shared/failures.ts";
import { checkedInput, unknownClient } from "../shared/input.ts";
import { settingsOf, withHeartbeat } from "./input.ts";
import { readLineBasis } from "./line-basis.ts";
import { mappingGivenFor, mappingOpened, type NamedMapping } from "./mapping.ts";
import { openPlace, parseJson, readSmallFile, type FilePlace } from "./places.ts";
import { checkOnly } from "./check-only.ts";
import { hashOf } from "./read-checked.ts";
import type { FilesContext, Taking } from "./shapes.ts";

export interface PreviewInput {
  client: string;
  draftId: string;
  mapping?: string | undefined;
  constants?: Record<string, string> | undefined;
  ignore?: string[] | undefined;
}

/** What a workflow learns of a preview: no cell and no header, which can hold anything. */
export interface PreviewDone {
  mapping: string;
  lines: number;
  rejected: number;
  isRefused: boolean;
}

const shape = z.strictObject({
  client: typedId,
  draftId,
  mapping: typedText.optional(),
  constants: z.partialRecord(z.enum(fileFields), typedText).default({}),
  ignore: z.array(typedText).max(1_000).default([]),
});
const mostRecordBytes = 65_536;

/**
 * Reads the head of a file that was sent to be looked at, and puts what it found beside it. Made again it is the same, so
 * that a repeat replaces it whole.
 */
export async function previewDraft(context: FilesContext, input: PreviewInput): Promise<PreviewDone> {
  const { config, redact } = context;
  return withHeartbeat({}, redact, async (signal) => {
    const { client, draftId: id, mapping = null, constants, ignore } = checkedInput(shape, input);
    const folder = uploadFolder(client);
    if (folder === null) throw unknownClient(config, client);
    const draft = await readDraft(config.ingest.importDir, `${folder}/${draftName(id)}`);
    const place = placeOfDraft(draft, folder, { mapping, constants, ignore });
    const preview = await readPreview(context, place, signal);
    const target = path.join(
      config.ingest.importDir,
      folder,
      previewName(id, previewKey({ mapping, constants, ignore })),
    );
    await writeWhole(target, JSON.stringify(preview));
    const { read, refusal } = preview;
    return {
      mapping: preview.mapping.name,
      lines: read.lines,
      rejected: read.rejected,
      isRefused: refusal !== null,
    };
  });
}

async function readDraft(importDir: string, file: string): Promise<DraftRecord> {
  const read = draftRecord.safeParse(parseJson(await readSmallFile(importDir, file, mostRecordBytes)));
  if (!read.success) throw invalidInput("the file is not there any more: upload it again");
  return read.data;
}

function placeOfDraft(
  draft: DraftRecord,
  folder: string,
  {
    mapping,
    constants,
    ignore,
  }: { mapping: string | null; constants: FilePlace["beside"]["constants"]; ignore: string[] },
): FilePlace {
  return {
    client: draft.client,
    place: "upload",
    path: `${folder}/${draft.file}`,
    name: draft.fileName,
    mapping,
    beside: { constants, ignore },
    force: false,
    dryRun: true,
    expectedHash: draft.contentHash,
  };
}

async function readPreview(context: FilesContext, place: FilePlace, signal: AbortSignal): Promise<FilePreview> {
  const { database, config, redact } = context;
  const settings = settingsOf(config, place.client);
  const given = await mappingGivenFor(config, place);
  const opened = await openPlace(config, place, signal);
  try {
    const named = await mappingOpened(config, { given, place, opened, signal });
    const { mapping } = named;
    const { currency, timezone, createStubs } = settings;
    const isReport = (mapping.kind ?? "performance") !== "performance";
    const reading = {
      mapping,
      ...(await readLineBasis(database, { client: place.client, settings, mapping, at: await databaseNow(database) })),
      limits: {
        ...defaultLimits,
        refuseAboveShare: settings.refuseAboveShare,
        refuseFromLines: settings.refuseFromLines,
      },
      signal,
    };
    const bytes = unpacked(place.name, opened.read(signal), { maxBytes: config.ingest.maxBytes });
    const head = await readHead(bytes, reading).catch(refusedAs);
    head.refusal ??= await foreseen(context, { place, mapping: named, opened, signal });
    const said = (reason: string) => maskPersonal(redact(reason));
    return {
      ...head,
      rejects: head.rejects.map(({ line, column, reason }) => ({ line, column, reason: said(reason) })),
      lines: head.lines.map((line) => ({ ...line, reason: line.reason === null ? null : said(line.reason) })),
      mapping: { name: mapping.name, title: mapping.title, isRecognised: given === null },
      mappings: shippedMappings.map(({ name, title }) => ({ name, title })),
      constants: constantsOf(named),
      currency,
      timezone: isReport ? settings.reportZone : timezone,
      createsCreatives: isReport ? null : createStubs,
    };
  } finally {
    await opened.close();
  }
}

/** A larger file is checked when it is imported: whoever looks at its head waits for that. */
const mostChecked = 16_777_216;
const importWaitMs = 2_000;
const lockNotAvailable = "55P03";

/** What would refuse the whole file though its head is fine; null where nothing does, or nobody can say in time. */
async function foreseen(
  context: FilesContext,
  taking: Omit<Taking, "progress">,
): Promise<NonNullable<FileHead["refusal"]> | null> {
  const { opened, signal } = taking;
  if (opened.bytes > mostChecked) return null;
  const progress = { phase: "hashing" as const, bytes: 0, ofBytes: opened.bytes, lines: 0 };
  try {
    const hashed = await hashOf({ opened, signal }, progress);
    const startedAt = await databaseNow(context.database);
    await checkOnly(context, { ...taking, ...hashed, progress, startedAt, errors: [] }, { waitMs: importWaitMs });
    return null;
  } catch (error) {
    if (error instanceof DayLost || error instanceof UnknownSeat)
      return { line: null, column: null, reason: error.message };
    if (error instanceof FileRefused) return { line: error.line, column: error.column, reason: error.message };
    if (error instanceof FileProblem && error.kind === "content")
      return { line: null, column: null, reason: error.message };
    if (sqlState(error) === lockNotAvailable) return null;
    throw error;
  }
}

const constantsOf = ({ mapping }: NamedMapping) =>
  Object.fromEntries(
    Object.entries(mapping.constants).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );

/** What is no CSV at all, or cannot be unpacked, is what there is to show of it. */
function refusedAs(error: unknown): FileHead {
  if (!(error instanceof FileProblem) || error.kind !== "content") throw error;
  return { ...emptyHead(), refusal: { line: null, column: null, reason: error.message } };
}

async function writeWhole(target: string, text: string): Promise<void> {
  const half = path.join(path.dirname(target), `.${randomUUID()}.part`);
  try {
    await writeFile(half, text, { flag: "wx", mode: 0o640 });
    await rename(half, target);
  } finally {
    await rm(half, { force: true });
  }
}
