import { z } from "zod";
import type { Account, Config } from "../../settings/config.ts";
import type { Redact } from "../../core/redact.ts";
import { typedDay, typedFlag, typedId } from "../../core/typed.ts";
import type { AnySource, DailyFeed } from "../../connectors/source.ts";
import type { Database, Session } from "../../schema/database.ts";
import { invalidInput } from "../shared/failures.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import type { RateGate } from "../shared/rate-gate.ts";
import type { DayPreview, PullSliceInput, SliceResult } from "./shapes.ts";

/** What the activities of a sync need. */
export interface SyncContext {
  database: Database;
  config: Config;
  sources: readonly AnySource[];
  gate: RateGate;
  redact: Redact;
  /** How many slices of one run are under way at a time. */
  parallel?: number;
  /** By source: what else a merged slice changes, in the same transaction. */
  afterMerge?: Readonly<Record<string, AfterMerge>>;
  elsewhere?: readonly Elsewhere[];
}

/** A feed whose days are stored in another way than as rows of a table of its own. */
export interface Elsewhere {
  feed: DailyFeed;
  pull: (input: PullSliceInput) => Promise<SliceResult>;
  preview: (input: PullSliceInput) => Promise<DayPreview>;
  /** The first day that is its; null: all are. */
  firstDay: (client: string) => string | null;
}

export type AfterMerge = (session: Session, merged: { client: string; day: string; runId: string }) => Promise<void>;

/** One feed of one client. */
export interface Feed<Source extends DailyFeed = AnySource> {
  source: Source;
  account: Account;
}

/** Slices of one run that are fetched at a time, unless a setting says otherwise. */
export const defaultParallel = 4;

/** What names a feed. */
export const typedFeed = { source: z.string({ error: "is missing" }), client: typedId.optional() };

/** What a run's own workflow adds to what a person typed. */
export const ofRun = { runId: z.string(), workflowId: z.string() };

const pulled = z.object({ ...typedFeed, day: typedDay, runId: z.string(), acceptEmpty: typedFlag.optional() });

/** Checks what a workflow or a person sent, and finds the feed that it names. */
export function checkedFeed<Shape extends z.ZodObject<typeof typedFeed>>(
  {
    sources,
    elsewhere = [],
    config,
  }: Pick<SyncContext, "sources" | "config"> & { elsewhere?: readonly Pick<Elsewhere, "feed">[] | undefined },
  shape: Shape,
  input: unknown,
  known?: readonly string[],
): z.output<Shape> & Feed<DailyFeed> {
  const feeds: readonly DailyFeed[] = [...sources, ...elsewhere.map(({ feed }) => feed)];
  const names = feeds.map(({ name }) => name).join(", ");
  // Which sources there are depends on the registry, not on the shape; of a shape that is generic, zod does not see that
  // replacing a field by one of its own type leaves it what it was.
  const listed = shape.extend({ source: z.string({ error: `is missing: there are ${names}` }) }) as Shape;
  const typed = checkedInput(listed, input, known);
  const source = feeds.find(({ name }) => name === typed.source);
  if (source === undefined) throw invalidInput(`unknown source "${typed.source}": there are ${names}`);
  const client = clientNamed(config, typed.client);
  const account = config.accounts.get(`${source.vendor.name}/${client}`);
  if (account === undefined) throw new RangeError(`no account of ${client} at ${source.vendor.name}`);
  return { ...typed, source, account };
}

/** One slice of a feed to be read. */
export function checkedPull(context: SyncContext, input: unknown): z.output<typeof pulled> & Feed {
  return checkedFeed({ ...context, elsewhere: [] }, pulled, input) as z.output<typeof pulled> & Feed;
}

/** The same of a feed that is stored in another way. */
export function checkedElsewhere(
  { config }: Pick<SyncContext, "config">,
  feed: DailyFeed,
  input: unknown,
): z.output<typeof pulled> & Feed<DailyFeed> {
  return checkedFeed({ config, sources: [], elsewhere: [{ feed }] }, pulled, input);
}
