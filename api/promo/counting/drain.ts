import { readFile, rename, unlink } from "node:fs/promises";
import { keptBotName } from "../../../rules/promo/agent.ts";
import type { Click, Event, Impression, Outcome } from "../../../rules/promo/events.ts";
import { keptReferrer } from "../../../rules/promo/referrer.ts";
import { readSpoolLines } from "../../../rules/promo/spool-line.ts";
import type { Quarantined } from "../../../queries/promo/quarantine.ts";

/** What the database is asked to do with events; each rejects while it is away. */
export interface Recorder {
  impressions: (events: readonly Impression[]) => Promise<(Outcome | "raced")[]>;
  clicks: (events: readonly Click[]) => Promise<(Outcome | "raced")[]>;
  quarantine: (events: readonly Quarantined[]) => Promise<void>;
}

export interface DrainOptions {
  recorder: Recorder;
  /** Whether an error is about the events themselves, so that trying again helps nobody. */
  isTheirs: (error: unknown) => boolean;
  /** Ids of events received before this are not remembered any more: they could count twice. */
  oldest: Date;
}

const atOnce = 500;

/** About the file itself: to try it again helps nobody. */
export class Unreadable extends Error {
  constructor(cause: unknown) {
    super((cause as Error).message, { cause });
    this.name = "Unreadable";
  }
}

export interface Drained {
  counted: number;
  quarantined: number;
  /** Lines that are no events: their file is kept beside the others. */
  damaged: number;
}

/**
 * Counts what a spool file holds, then deletes it. A file that was counted in part, or whose deletion a crash prevented, is
 * counted again without harm: ids count once.
 */
export async function drainFile(file: string, options: DrainOptions): Promise<Drained> {
  const { events: read, damaged } = readSpoolLines(await textOf(file));
  const events = read.map(asKept);
  const oldest = options.oldest.toISOString();
  const drained: Drained = { counted: 0, quarantined: 0, damaged };
  for (let start = 0; start < events.length; start += atOnce) {
    const part = events.slice(start, start + atOnce);
    const refused: Quarantined[] = part
      .filter(({ at }) => at < oldest)
      .map((event) => ({ event, reason: "too_old" as const }));
    const outcomes = await recordAll(
      part.filter(({ at }) => at >= oldest),
      options,
    );
    for (const { event, outcome } of outcomes) {
      if (outcome !== "counted" && outcome !== "duplicate" && outcome !== "repeat")
        refused.push({ event, reason: outcome });
    }
    if (refused.length > 0) await quarantine(refused, options);
    drained.quarantined += refused.length;
    drained.counted += part.length - refused.length;
  }
  if (damaged === 0) await unlink(file);
  else await rename(file, file.replace(/spool$/, "damaged"));
  return drained;
}

function textOf(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: unknown) => {
    throw new Unreadable(error);
  });
}

async function quarantine(refused: readonly Quarantined[], { recorder, isTheirs }: DrainOptions): Promise<void> {
  try {
    await recorder.quarantine(refused);
  } catch (error) {
    throw isTheirs(error) ? new Unreadable(error) : error;
  }
}

/** A file may be of a version that kept more of a visitor. */
function asKept(event: Event): Event {
  if (event.kind === "impression") return event;
  return { ...event, referrer: keptReferrer(event.referrer), bot: event.bot === null ? null : keptBotName(event.bot) };
}

type Recorded = { event: Event; outcome: Outcome | "refused" };

async function recordAll(events: readonly Event[], options: DrainOptions): Promise<Recorded[]> {
  const { recorder } = options;
  const impressions = events.filter((event) => event.kind === "impression");
  const clicks = events.filter((event) => event.kind === "click");
  return [
    ...(await recordOf(impressions, recorder.impressions, options)),
    ...(await recordOf(clicks, recorder.clicks, options)),
  ];
}

async function recordOf<One extends Event>(
  events: readonly One[],
  record: (events: readonly One[]) => Promise<(Outcome | "raced")[]>,
  options: DrainOptions,
): Promise<Recorded[]> {
  if (events.length === 0) return [];
  try {
    const outcomes = await record(events);
    const done: Recorded[] = [];
    const raced: One[] = [];
    for (const [place, event] of events.entries()) {
      const outcome = outcomes[place] as Outcome | "raced";
      if (outcome === "raced") raced.push(event);
      else done.push({ event, outcome });
    }
    return [...done, ...(await recordOf(raced, record, options))];
  } catch (error) {
    if (!options.isTheirs(error)) throw error;
    if (events.length === 1) return events.map((event) => ({ event, outcome: "refused" }));
    const alone: Recorded[] = [];
    for (const event of events) alone.push(...(await recordOf([event], record, options)));
    return alone;
  }
}
