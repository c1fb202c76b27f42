import { dayAt } from "../../core/days.ts";
import { typedId } from "../../core/typed.ts";
import { z } from "zod";
import type { FileMapping } from "../../connectors/files/mapping.ts";
import { defaultLimits, FileRefused, readPerformanceFile } from "../../connectors/files/performance-file.ts";
import { readFileRow, readQuarantinedLines, recordRedriven, type QuarantinedLine } from "../../queries/files/files.ts";
import {
  allowLongWork,
  filesInQuarantine,
  lockFile,
  readHeader,
  renewReasons,
  type FileHeader,
} from "../../queries/files/ingest.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { mergeStaged, readKnownCreatives } from "../../queries/files/performance-merge.ts";
import { openStaging } from "../../queries/files/performance-staging.ts";
import { inTransaction } from "../../schema/database.ts";
import { invalidInput } from "../shared/failures.ts";
import type { IngestDependencies } from "./ingest.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import { notWhole, settingsOf, withHeartbeat } from "./input.ts";
import { checkedMapping, mappingNamed } from "./mapping.ts";

/** What a person types to have rejected lines tried again, of one file or of all. */
export interface RedriveInput {
  client?: string;
  fileId?: number;
}

export interface RedrivePlan {
  client: string;
  files: { fileId: number; lines: number }[];
}

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
  /** Lines that a newer file, or a later line, outweighs. */
  superseded: number;
  /** Why none of them could be read, when that is so. */
  reason: string | null;
}

export interface RedriveStep extends Redriven {
  /** The line to go on after; null when all were looked at. */
  next: number | null;
}

/** Lines in one transaction. */
const linesAtATime = 20_000;
export function createRedriveActivities({ database, config, redact }: IngestDependencies) {
  return {
    /** Checks what was typed, and lists the files that have rejected lines. */
    async planRedrive(input: RedriveInput): Promise<RedrivePlan> {
      return withHeartbeat({}, redact, async () => {
        const shape = z.strictObject({
          client: typedId.optional(),
          fileId: z.number().int("must be a whole number").min(1).max(2_147_483_647).optional(),
        });
        const { client: named, fileId } = checkedInput(shape, input ?? {});
        const client = clientNamed(config, named ?? config.clients[0] ?? "");
        if (fileId !== undefined && (await readFileRow(database, { client, fileId })) === null)
          throw invalidInput(`fileId: client ${client} has no file ${fileId}: ops.files lists them`);
        return { client, files: await filesInQuarantine(database, { client, fileId }) };
      });
    },

    /**
     * Reads rejected lines of a file again, as the header of their file says and by today's creatives and mapping. What is
     * good now is merged in the file's own place: what newer files have written since stays.
     */
    async redriveLines(of: { client: string; fileId: number; after: number }): Promise<RedriveStep> {
      const { client, fileId, after } = of;
      return withHeartbeat({ fileId, after }, redact, async (signal) => {
        const row = await readFileRow(database, { client, fileId });
        if (row === null) throw invalidInput(`client ${client} has no file ${fileId}`);
        const nothing = {
          fileId,
          name: row.name,
          tried: 0,
          resolved: 0,
          inserted: 0,
          updated: 0,
          unchanged: 0,
          superseded: 0,
        };
        const kept = await readHeader(database, { client, fileId });
        if (kept === null)
          return {
            ...nothing,
            remaining: row.rejected,
            reason: "its header was not kept: hand the file in again",
            next: null,
          };
        const mapping = await mappingOf(client, kept);
        const settings = settingsOf(config, client);
        const today = dayAt(await databaseNow(database), settings.timezone);
        return inTransaction(database, async (session) => {
          await allowLongWork(session);
          await lockFile(session, { client, fileId });
          const lines = await readQuarantinedLines(session, { client, fileId, after, limit: linesAtATime });
          const tried = lines.filter(({ content }) => !content.endsWith(notWhole));
          const next = lines.length < linesAtATime ? null : (lines.at(-1)?.line ?? null);
          if (tried.length === 0) return { ...nothing, remaining: lines.length, reason: null, next };
          const paper = layOut(kept.header, tried);
          const rejected = new Map<number, string>();
          const known = settings.createStubs ? null : await readKnownCreatives(session, client);
          const staging = await openStaging(session);
          try {
            await readPerformanceFile(paper.bytes(), {
              mapping,
              today,
              currency: settings.currency,
              knownCreatives: known,
              limits: { ...defaultLimits, refuseAboveShare: 1, refuseFromLines: Number.MAX_SAFE_INTEGER },
              signal,
              accepted: (block) => staging.write(block),
              rejected(found) {
                for (const { line, reason } of found) rejected.set(paper.indexAt(line), redact(reason));
                return Promise.resolve();
              },
            });
          } catch (error) {
            if (!(error instanceof FileRefused)) throw error;
            await staging.end();
            return {
              ...nothing,
              tried: tried.length,
              remaining: lines.length,
              reason: redact(error.message),
              next: null,
            };
          }
          await staging.end();
          const good = tried.filter((_, index) => !rejected.has(index));
          await renewReasons(
            session,
            [...rejected].flatMap(([index, reason]) => {
              const line = tried[index];
              return line === undefined ? [] : [{ quarantineId: line.quarantineId, reason }];
            }),
          );
          const still = lines.length - good.length;
          if (good.length === 0) return { ...nothing, tried: tried.length, remaining: still, reason: null, next };
          const merged = await mergeStaged(session, {
            client,
            fileId,
            today,
            combine: mapping.combine,
            createStubs: settings.createStubs,
            redriven: true,
          });
          await recordRedriven(
            session,
            { client, fileId, quarantineIds: good.map((line) => line.quarantineId) },
            merged,
          );
          const { inserted, updated, unchanged, superseded } = merged;
          return {
            ...nothing,
            tried: tried.length,
            resolved: good.length,
            remaining: still,
            inserted,
            updated,
            unchanged,
            superseded: superseded.lines,
            reason: null,
            next,
          };
        });
      });
    },
  };

  /** The mapping as it is today, for mending it may be what the lines have waited for; as it was, where it is gone. */
  async function mappingOf(client: string, kept: FileHeader): Promise<FileMapping> {
    const current = await mappingNamed(config, { client, mapping: kept.mapping }).catch((error: unknown) => {
      if (kept.mappingContent === null) throw error;
      return null;
    });
    const mapping = current?.mapping ?? checkedMapping(kept.mapping, kept.mappingContent);
    const delimiter = kept.delimiter as FileMapping["delimiter"];
    // What is read now is the header and lines of data, in one encoding: nothing stands above or below them.
    return { ...mapping, encoding: "auto", delimiter, preambleLines: 0, totals: { words: [], summaryLine: false } };
  }
}

/** The header and the lines as one file, and which of them a line of that file is. */
function layOut(
  header: string,
  lines: readonly QuarantinedLine[],
): {
  bytes: () => AsyncIterable<Uint8Array>;
  indexAt: (line: number) => number;
} {
  const startsAt = new Map<number, number>();
  let at = 1 + heightOf(header);
  for (const [index, { content }] of lines.entries()) {
    startsAt.set(at, index);
    at += heightOf(content);
  }
  async function* bytes(): AsyncIterable<Uint8Array> {
    yield Buffer.from(`\uFEFF${header}\n`);
    for (let from = 0; from < lines.length; from += 500)
      yield Buffer.from(
        lines
          .slice(from, from + 500)
          .map(({ content }) => `${content}\n`)
          .join(""),
      );
  }
  return { bytes, indexAt: (line) => startsAt.get(line) ?? -1 };
}

/** A line with line breaks within quotation marks is several. */
const heightOf = (text: string) => (text.match(/\r\n|\r|\n/g)?.length ?? 0) + 1;
