import { linesAsFile } from "../files/lines-as-file.ts";
import { settingsOf } from "../files/input.ts";
import { readLineBasis } from "../files/line-basis.ts";
import { eventsOf, inOne } from "../files/messages-apart.ts";
import { createQuarantine } from "../files/rejected-lines.ts";
import { jsonDelimiter } from "../../connectors/files/json-fields.ts";
import {
  defaultLimits,
  FileRefused,
  readPerformanceFile,
  type FileCounts,
  type RejectedLine,
} from "../../connectors/files/performance-file.ts";
import { rejectedMessage, sortMessages, type SortedMessages } from "../../connectors/streams/sort-messages.ts";
import { sha256 } from "../../core/crypto.ts";
import { maskPersonal } from "../../core/personal.ts";
import { keepHeader } from "../../queries/files/file-header.ts";
import { performanceSource, recordIngested } from "../../queries/files/files.ts";
import { mergeStaged, takeTurn } from "../../queries/files/merge-file.ts";
import type { MergeTarget } from "../../queries/files/merge-shapes.ts";
import { quarantineRejected } from "../../queries/files/quarantined-lines.ts";
import { openStaging, type Staging } from "../../queries/files/staging.ts";
import { UnknownSeat } from "../../queries/rtb/seats.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import { advance, holdClaim } from "../../queries/streams/claims.ts";
import { recordBatch } from "../../queries/streams/receipts.ts";
import { inTransaction, sqlState, type Session } from "../../schema/database.ts";
import type { MessageBatch, StoredMessages, StreamContext } from "./shapes.ts";

const noCounts = { rejected: 0, totals: 0, grain: "", doubtful: [] as readonly number[] | null };

/**
 * Stores messages of one partition: their rows, what was rejected, the receipt and where reading goes on are one
 * transaction. So a message counts once, however often it is read. What the database refuses for what stands in a message
 * is found by halves, and that message alone is set apart.
 */
export async function storeMessages(context: StreamContext, batch: MessageBatch): Promise<StoredMessages> {
  const all: StoredMessages = { fileId: null, messages: 0, rejected: 0, repeated: 0 };
  let most = batch.messages.length;
  let why: string | null = null;
  for (let rest = batch; rest.messages.length > 0;) {
    const part = firstOf(rest, most);
    try {
      const stored = await storePart(context, part, why);
      all.fileId = stored.fileId ?? all.fileId;
      all.messages += stored.messages;
      all.rejected += stored.rejected;
      all.repeated += stored.repeated;
      rest = restOf(rest, stored.messages);
      why = null;
      most = Math.max(most, 1) * 2;
    } catch (error) {
      const refusal: string | null = why === null ? refusalBy(error) : null;
      if (refusal === null) throw error;
      if (part.messages.length === 1) why = refusal;
      else most = Math.ceil(part.messages.length / 2);
    }
  }
  return all;
}

/** What of an error is the message's own: it would come back however often it is tried. */
function refusalBy(error: unknown): string | null {
  if (error instanceof FileRefused || error instanceof UnknownSeat) return error.message;
  const state = sqlState(error);
  if (state === null || !(state.startsWith("22") || state === "23514")) return null;
  return state === "22003"
    ? "with what is stored of its key, an amount would be larger than can be kept"
    : `the database refuses it (${state})`;
}

function firstOf(batch: MessageBatch, most: number): MessageBatch {
  const messages = batch.messages.slice(0, most);
  if (messages.length === batch.messages.length) return batch;
  const following = batch.messages[messages.length];
  return { ...batch, messages, next: placeBefore(batch, following?.position) };
}

function restOf(batch: MessageBatch, taken: number): MessageBatch {
  const messages = batch.messages.slice(taken);
  return { ...batch, messages, from: messages.length === 0 ? batch.next : placeBefore(batch, messages[0]?.position) };
}

/** Where reading would go on to come to this message next: Kafka is asked for an offset, Kinesis for what is behind a number. */
function placeBefore({ stream, messages }: MessageBatch, position: string | undefined): string {
  if (position === undefined) throw new Error("a message has a position");
  if (stream.kind === "kafka") return position;
  const before = messages[messages.findIndex((message) => message.position === position) - 1];
  if (before === undefined) throw new Error("the first message has none before it");
  return before.position;
}

/** `why` refuses the one message that there is. */
async function storePart(context: StreamContext, batch: MessageBatch, why: string | null): Promise<StoredMessages> {
  const { database, config } = context;
  const { stream, partition, claim, from } = batch;
  const { client, reading, eventId: eventField } = stream;
  const settings = settingsOf(config, client);
  const { currency } = settings;
  const sorted =
    why === null
      ? sortMessages(batch.messages, { ...reading, currency, eventField, maxBytes: defaultLimits.maxLineBytes })
      : refused(batch, why);
  const part = firstOf(batch, sorted.taken);
  const of = { client, stream: stream.name, partition };
  return inTransaction(database, async (session) => {
    const startedAt = await beginStoring(session);
    if (!(await holdClaim(session, { ...of, claim, from, next: part.next })))
      return { fileId: null, messages: sorted.taken, rejected: 0, repeated: 0 };
    const staging = await openStaging(session);
    const counts = await readSorted(context, session, { batch: part, sorted, staging, startedAt });
    await staging.end();
    const fileId = await takeTurn(session, client);
    const first = part.messages[0]?.position ?? part.next;
    const last = part.messages.at(-1)?.position ?? part.next;
    const workflowId = `consume/${client}/${stream.name}/${partition}`;
    const runId = `${workflowId}/${claim}/${first}`;
    const rejected = counts.rejected + sorted.rejected.length;
    if (rejected > 0) {
      await quarantineRejected(session, { client, source: performanceSource, fileId, runId });
      await keepHeader(
        session,
        { client, fileId },
        {
          seal: quarantineSeal(config),
          header: JSON.stringify(sorted.fields),
          delimiter: jsonDelimiter,
          mapping: reading.reference,
          mappingContent: reading.content,
        },
      );
    }
    const target: MergeTarget = {
      client,
      fileId,
      today: counts.today,
      grain: counts.grain,
      combine: stream.combine === "add" ? "add" : "later",
      createStubs: settings.createStubs,
      doubtful: counts.doubtful,
      ...(eventField === null ? {} : { events: eventsOf(stream.name, sorted.events) }),
    };
    const merged = await mergeStaged(session, target);
    const content = part.messages.map(({ value }) => value ?? Buffer.alloc(0));
    await recordIngested(
      session,
      {
        ...{ client, fileId, source: performanceSource, place: "stream", runId, workflowId, startedAt },
        name: `${stream.name}, partition ${partition}`,
        path: `${stream.name}/${partition}/${first}`,
        bytes: content.reduce((sum, { length }) => sum + length, 0),
        // Of equal messages at other places each is one of its own.
        sha256: sha256(Buffer.concat([Buffer.from(`${runId}\n`), ...content])),
        mapping: reading.mapping.name,
        mappingVersion: reading.mapping.version,
        optionsHash: sha256(JSON.stringify([stream.combine, eventField, settings.currency, settings.timezone])).slice(
          0,
          16,
        ),
        ...{ lines: part.messages.length - counts.totals, preamble: 0, totals: counts.totals, rejected },
        force: false,
      },
      merged,
    );
    const repeated = eventField === null ? 0 : merged.superseded.lines;
    await recordBatch(session, { ...of, fileId, claim, first, last, messages: part.messages.length, repeated });
    const mark = markOf(part);
    await advance(session, { ...of, next: part.next, mark, messages: part.messages.length });
    return { fileId, messages: part.messages.length, rejected, repeated };
  });
}

/** One that nobody can store, whatever stands in it. */
function refused({ messages }: MessageBatch, why: string): SortedMessages {
  const [message] = messages;
  if (message === undefined) throw new Error("there is a message to refuse");
  const rejected = [rejectedMessage(1, message, { code: "impossible", column: null, reason: why })];
  return { fields: [], records: [], rejected, events: new Map(), taken: 1 };
}

/** Limits of a batch: longer than a page's, because others may be merging, and short enough that a stopped consumer frees its locks. */
async function beginStoring(session: Session): Promise<Date> {
  await session.query(
    "set local statement_timeout = '5min'; set local lock_timeout = '5min'; set local idle_in_transaction_session_timeout = '1min'",
  );
  const { rows } = await session.query<{ now: Date }>("select clock_timestamp() as now");
  return rows[0]?.now ?? new Date();
}

async function readSorted(
  { config, redact }: StreamContext,
  session: Session,
  of: { batch: MessageBatch; sorted: SortedMessages; staging: Staging; startedAt: Date },
): Promise<Pick<FileCounts, "rejected" | "totals" | "grain" | "doubtful"> & { today: string }> {
  const { batch, sorted, staging, startedAt } = of;
  const { client, name, reading } = batch.stream;
  const { mapping } = reading;
  const settings = settingsOf(config, client);
  const basis = await readLineBasis(session, { client, settings, mapping, at: startedAt });
  const quarantined = createQuarantine(session, staging, quarantineSeal(config));
  const reject = (lines: readonly RejectedLine[]) =>
    quarantined.add(
      lines.map((line) => ({
        ...line,
        reason: maskPersonal(redact(line.reason)),
        position: `${name}, partition ${batch.partition}, ${batch.stream.kind === "kafka" ? "offset" : "sequence number"} ${batch.messages[line.line - 1]?.position ?? "unknown"}`,
      })),
    );
  await reject(sorted.rejected);
  const { fields, records } = sorted;
  const counts =
    records.length === 0
      ? noCounts
      : await readPerformanceFile(
          linesAsFile({ header: JSON.stringify(fields), delimiter: jsonDelimiter }, inOne(records)),
          {
            mapping,
            // What another message shows of how amounts are written must not decide over this one.
            refusesDoubt: true,
            isOfMessages: true,
            ...basis,
            limits: { ...defaultLimits, refuseAboveShare: 1, refuseFromLines: Number.MAX_SAFE_INTEGER },
            named: (creatives) => staging.name(creatives),
            accepted: (block) => staging.write(block),
            rejected: reject,
          },
        );
  await quarantined.flush();
  return { ...counts, today: basis.today };
}

/** By what the message before the next one is known again: another one at its place is of another topic. */
export function markOf({ messages }: Pick<MessageBatch, "messages">): string | null {
  const last = messages.at(-1);
  if (last === undefined) return null;
  const value = last.value ?? Buffer.alloc(0);
  return sha256(Buffer.concat([Buffer.from(`${last.at?.getTime() ?? ""}\n`), value])).slice(0, 32);
}
