import { createHash } from "node:crypto";
import { changed, unpacked } from "../../connectors/files/file-places.ts";
import { fieldsOfJson } from "../../connectors/files/json-fields.ts";
import {
  defaultLimits,
  readPerformanceFile,
  type FileCounts,
  type NamedCreative,
  type RejectedLine,
} from "../../connectors/files/performance-file.ts";
import { maskPersonal } from "../../core/personal.ts";
import type { ClientIngestSettings } from "../../settings/files.ts";
import type { LineBasis } from "./line-basis.ts";
import {
  shownErrors,
  shownReason,
  type FilesContext,
  type IngestProgress,
  type Reading,
  type Taking,
} from "./shapes.ts";

/** Reads and checks a whole file; what is accepted and what is rejected goes to whoever asked. */
export async function readChecked(
  { config, redact }: FilesContext,
  { place, mapping, opened, progress, signal, errors, digest, mostRecords }: Reading,
  to: {
    settings: ClientIngestSettings;
    basis: LineBasis;
    named: (creatives: NamedCreative[]) => Promise<void>;
    accepted: (block: Buffer) => Promise<void>;
    /** Null: they are counted, and none but the first, which are shown, are worded. */
    rejected: ((lines: RejectedLine[]) => Promise<void>) | null;
  },
): Promise<FileCounts> {
  const again = createHash("sha256");
  Object.assign(progress, { phase: "reading", bytes: 0 });
  const { maxBytes } = config.ingest;
  const { encoding } = mapping.mapping;
  // A file that is no JSON is left after its first bytes.
  const fields = await fieldsOfJson(unpacked(opened.name, opened.read(signal), { maxBytes }), encoding, signal);
  const packed = counting(opened.read(signal), (chunk) => {
    again.update(chunk);
    progress.bytes += chunk.length;
  });
  const counts = await readPerformanceFile(unpacked(opened.name, packed, { maxBytes }), {
    mapping: mapping.mapping,
    ...to.basis,
    limits: {
      ...defaultLimits,
      refuseAboveShare: to.settings.refuseAboveShare,
      refuseFromLines: to.settings.refuseFromLines,
    },
    fields,
    mostRecords,
    mostRejected: to.rejected === null ? shownErrors : undefined,
    signal,
    named: to.named,
    accepted: to.accepted,
    rejected(found) {
      const worded = to.rejected === null ? found.slice(0, shownErrors - errors.length) : found;
      const lines = worded.map((line) => ({ ...line, reason: maskPersonal(redact(line.reason)) }));
      for (const { line, column, reason } of lines.slice(0, shownErrors - errors.length))
        errors.push({ line, column, reason: reason.slice(0, shownReason) });
      return to.rejected?.(lines) ?? Promise.resolve();
    },
    progress: ({ lines }) => void (progress.lines = lines),
  });
  await opened.assertUnchanged();
  // What was hashed is what was stored, whatever the clocks of a network drive say.
  if (again.digest("hex") !== digest) throw changed(opened.name);
  if (place.expectedHash !== null && place.expectedHash !== digest) throw changed(opened.name);
  return counts;
}

export interface Hashed {
  digest: string;
  /** More records than this its text cannot have; null where it is packed, or nobody has counted. */
  mostRecords: number | null;
}

export async function hashOf(
  { opened, signal }: Pick<Taking, "opened" | "signal">,
  progress: IngestProgress,
): Promise<Hashed> {
  const hash = createHash("sha256");
  const breaks = new LineBreaks();
  progress.bytes = 0;
  for await (const chunk of opened.read(signal)) {
    hash.update(chunk);
    breaks.add(chunk);
    progress.bytes += chunk.length;
  }
  await opened.assertUnchanged();
  return { digest: hash.digest("hex"), mostRecords: breaks.isPacked ? null : breaks.count + 1 };
}

/** The same reading, once it is known how many records its text can have. */
export async function counted(reading: Reading): Promise<Reading> {
  if (reading.mostRecords !== null) return reading;
  const { digest, mostRecords } = await hashOf(reading, reading.progress);
  if (digest !== reading.digest) throw changed(reading.opened.name);
  return { ...reading, mostRecords };
}

const [lf, cr] = [10, 13];
const gzipBegins = [0x1f, 0x8b];

/** Counts line breaks of any kind. In UTF-16 other characters may count as one, too: there are never more lines. */
class LineBreaks {
  count = 0;
  #last = 0;
  #begins: number[] = [];

  get isPacked(): boolean {
    return gzipBegins.every((byte, index) => this.#begins[index] === byte);
  }

  add(chunk: Uint8Array): void {
    if (this.#begins.length < gzipBegins.length) this.#begins.push(...chunk.subarray(0, gzipBegins.length));
    let [count, last] = [this.count, this.#last];
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (byte === cr || (byte === lf && last !== cr)) count += 1;
      last = byte;
    }
    [this.count, this.#last] = [count, last];
  }
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
