import { setTimeout as pause } from "node:timers/promises";
import { readStream } from "../../activities/streams/read-stream.ts";
import type { ReadStream } from "../../activities/streams/shapes.ts";
import { sha256 } from "../../core/crypto.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { declareStream, forgetConsumer, registerConsumer } from "../../queries/streams/declared.ts";
import type { ClientStreams, DeclaredStream } from "../../settings/streams.ts";
import { Held } from "./held.ts";
import type { ConsumerParts } from "./parts.ts";
import { readKafka } from "./read-kafka.ts";
import { readKinesis } from "./read-kinesis.ts";

const agreeMs = 10_000;
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;
/** What ran for so long was no failed start. */
const wellMs = 60_000;

/** Reads one topic until it is told to stop: whatever goes wrong is said, and tried again after a pause. */
export async function runStream(
  parts: ConsumerParts,
  declared: DeclaredStream,
  settings: ClientStreams,
): Promise<void> {
  const { logger, redact, signal, config } = parts;
  const of = { client: declared.client, stream: declared.name };
  const held = new Held({ bytes: config.streams.flushBytes, ms: config.streams.flushMs });
  let waitMs = firstPauseMs;
  try {
    while (!signal.aborted) {
      const begunAt = Date.now();
      const ending = new AbortController();
      try {
        await readOnce({ ...parts, signal: AbortSignal.any([signal, ending.signal]) }, declared, {
          settings,
          held,
          ending,
        });
      } catch (error) {
        if (Date.now() - begunAt > wellMs) waitMs = firstPauseMs;
        logger.warn(
          { ...of, err: redact(error instanceof Error ? error.message : String(error)), waitMs },
          "the topic is not read, and is tried again",
        );
        await pause(waitMs, undefined, { signal }).catch(() => undefined);
        waitMs = Math.min(2 * waitMs, longestPauseMs);
      }
    }
  } finally {
    held.stop();
    await forgetConsumer(parts.database, parts.consumer).catch(() => undefined);
  }
}

async function readOnce(
  parts: ConsumerParts,
  declared: DeclaredStream,
  { settings, held, ending }: { settings: ClientStreams; held: Held; ending: AbortController },
): Promise<void> {
  const { logger, signal } = parts;
  const stream = await readStream(parts, declared);
  const settingsHash = hashOf(stream, settings);
  let consumers = 1;
  const agree = async () => {
    const agreed = await agreement(parts, stream, settingsHash);
    consumers = agreed.consumers;
    return agreed.problem;
  };
  for (let problem = await agree(); problem !== null; problem = await agree()) {
    if (signal.aborted) return;
    logger.warn({ client: stream.client, stream: stream.name }, problem);
    await pause(agreeMs, undefined, { signal }).catch(() => undefined);
  }
  logger.info(
    { client: stream.client, stream: stream.name, combine: stream.combine, mapping: stream.reading.mapping.name },
    "the topic is read",
  );
  const watch = setInterval(() => {
    agree().then(
      (problem) => {
        if (problem === null) return;
        logger.warn({ client: stream.client, stream: stream.name }, problem);
        ending.abort();
      },
      () => undefined,
    );
  }, agreeMs);
  try {
    if (stream.kind === "kinesis")
      await readKinesis(parts, stream, { settings: settings.kinesis, held, consumers: () => consumers });
    else if (settings.kafka !== null) await readKafka(parts, stream, { settings: settings.kafka, held });
  } finally {
    clearInterval(watch);
  }
}

/** All by which two consumers of a topic could store its messages differently, or share it out differently. */
function hashOf({ combine, eventId, reading, kind }: ReadStream, { kafka, kinesis }: ClientStreams): string {
  const where =
    kind === "kafka" ? [kafka?.group, [...(kafka?.brokers ?? [])].sort()] : [kinesis.endpoint, kinesis.region];
  return sha256(JSON.stringify([combine, eventId, reading.mapping.version, where])).slice(0, 16);
}

/** Null when this consumer may read the topic; else why it must not, which an alert says too. */
async function agreement(
  { database, consumer }: ConsumerParts,
  stream: ReadStream,
  settingsHash: string,
): Promise<{ consumers: number; problem: string | null }> {
  const { client, name, combine, eventId: eventField } = stream;
  const of = { client, stream: name };
  const alert = { client, area: "ingest", subject: name };
  const stored = await declareStream(database, { ...of, combine, eventField });
  if (stored.combine !== combine || stored.eventField !== eventField) {
    const words = (one: { combine: string; eventField: string | null }) =>
      one.eventField === null ? one.combine : `${one.combine} by ${one.eventField}`;
    const message = `${name} was read as "${words(stored)}" and is declared as "${words({ combine, eventField })}" now: what is stored would be taken for something else. It is not read until you say so: npm run streams -- accept`;
    await raiseAlert(database, { ...alert, kind: "stream_declared", severity: "critical", message });
    return { consumers: 1, problem: message };
  }
  const { consumers, otherwise, isAgreed } = await registerConsumer(database, { ...of, consumer, settingsHash });
  if (otherwise.length > 0) {
    const message = `${name} is read by a consumer that is set otherwise (${otherwise.join(", ")}): this one waits until it has ended`;
    await raiseAlert(database, { ...alert, kind: "stream_settings", severity: "warning", message });
    return { consumers, problem: message };
  }
  const notes = "the consumers agree";
  await settleAlerts(database, { ...alert, kinds: ["stream_declared"], notes });
  // While another one waits, what it says holds.
  if (isAgreed) await settleAlerts(database, { ...alert, kinds: ["stream_settings"], notes });
  return { consumers, problem: null };
}
