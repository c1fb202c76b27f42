import { z } from "zod";
import { cell, type feed } from "../sync/grid.ts";
import { instant, storedOrigin } from "../server/shapes.ts";
import type { Asking } from "./tool.ts";

const days = z.array(z.string());
export const finality = z
  .object({
    isFinal: z.boolean().describe("every day of every source is final: the figures do not change any more"),
    provisional: days.describe("read, and can still change"),
    partial: days.describe("something of the day is not counted: see `reason` of the source"),
    failed: days,
    missing: days.describe("nothing was read: the figures do not have it, and it is not zero"),
  })
  .describe("a day is named where any source has it so");

const readDay = z.object({
  day: z.string(),
  state: cell.shape.state.describe("null where nothing was read or expected"),
  reason: z.string().nullable(),
  receiptId: z.number().nullable().describe("of the fetch that the figures are from; /receipts/<id> shows it"),
  readAt: instant.nullable(),
  rows: z.number(),
  origin: storedOrigin.nullable(),
});
export const sources = z
  .array(
    z.object({
      feed: z.string(),
      vendor: z.string(),
      timezone: z.string(),
      lastReadAt: instant.nullable().describe("of these days"),
      origins: z.array(storedOrigin).describe("sandbox: made up by mock servers"),
      late: z.string().nullable(),
      days: z.array(readDay),
    }),
  )
  .describe("where the figures come from");

interface Grid {
  feeds: z.infer<typeof feed>[];
  items: z.infer<typeof cell>[];
}
export type Sources = z.infer<typeof sources>;
export type Finality = z.infer<typeof finality>;

interface Wanted {
  from: string;
  to: string;
  /** All feeds when left out. */
  feeds?: readonly string[];
}

/** How final the days of some feeds are, and which fetches they come from: as the grid of freshness has it. */
export async function readFinality(
  asking: Asking,
  { from, to, feeds }: Wanted,
): Promise<{ finality: Finality; sources: Sources }> {
  const only = feeds?.length === 1 ? { source: feeds[0] } : {};
  const { feeds: known, items } = await asking.get<Grid>("/api/v1/ops/freshness/grid", { from, to, ...only });
  const wanted = feeds === undefined ? known : feeds.map((name) => known.find(({ source }) => source === name) ?? name);
  const found = wanted.map((one) => (typeof one === "string" ? unread(one) : toSource(one, items)));
  return { finality: finalityOf(found), sources: found };
}

const vendorOf = (feed: string) => feed.split(".")[0] ?? feed;

/** Neither pulled nor ever read for this client. */
const unread = (feed: string): Sources[number] => ({
  ...{ feed, vendor: vendorOf(feed), timezone: "UTC", lastReadAt: null, origins: [], late: null, days: [] },
});

function toSource({ source, timezone, late }: Grid["feeds"][number], items: Grid["items"]): Sources[number] {
  const own = items.filter((item) => item.source === source);
  const read = own.flatMap(({ loadedAt }) => (loadedAt === null ? [] : [loadedAt]));
  return {
    feed: source,
    vendor: vendorOf(source),
    timezone,
    lastReadAt: read.sort().at(-1) ?? null,
    origins: [...new Set(own.flatMap(({ origin }) => (origin === null ? [] : [origin])))],
    late,
    days: own.map(({ day, state, reason, receiptId, loadedAt, rows, origin }) => ({
      ...{ day, state, reason, receiptId, rows, origin },
      readAt: loadedAt,
    })),
  };
}

function finalityOf(found: Sources): Finality {
  const having = (wanted: (state: Grid["items"][number]["state"]) => boolean) =>
    [...new Set(found.flatMap((one) => one.days.filter(({ state }) => wanted(state)).map(({ day }) => day)))].sort();
  const every = found.flatMap((one) => one.days);
  return {
    isFinal: found.every((one) => one.days.length > 0) && every.every(({ state }) => state === "final"),
    provisional: having((state) => state === "provisional"),
    partial: having((state) => state === "partial"),
    failed: having((state) => state === "failed"),
    missing: having((state) => state === "missing" || state === null),
  };
}

/** "final", or what is not. */
export function finalityWords({ isFinal, provisional, partial, failed, missing }: Finality): string {
  if (isFinal) return "final";
  const named = { provisional, partial, failed, missing };
  const open = Object.entries(named).flatMap(([name, of]) => (of.length === 0 ? [] : [`${name}: ${of.join(", ")}`]));
  return open.length === 0 ? "not final: a source was never read" : `not final (${open.join("; ")})`;
}

/** "real data", "sandbox data: made up". */
export function originWords(found: Sources): string {
  const origins = [...new Set(found.flatMap((one) => one.origins))];
  if (origins.length === 0) return "nothing was read";
  return origins.map((origin) => (origin === "sandbox" ? "sandbox data, made up" : `${origin} data`)).join(" and ");
}
