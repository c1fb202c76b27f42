import { setTimeout as wait } from "node:timers/promises";
import { flatten, sameLeaf, unflatten, type Leaves } from "../rules/pretargeting/leaves.ts";
import type { Queryable } from "../schema/database.ts";

export interface MockConfig {
  name: string;
  displayName: string;
  state: string;
  [field: string]: unknown;
}

/** A look or a write as it took effect. */
export interface JournalEntry {
  at: number;
  /** So many entries stood here when the request came. */
  cameAfter: number;
  by: "us" | "hand";
  configId: string;
  what: string;
  fields: Record<string, unknown>;
}

export interface MockState {
  configs: MockConfig[];
  journal: JournalEntry[];
  qps: number;
}

export type AskMock = (what: string, body: object) => Promise<unknown>;

export const buyerId = "731100201";
export const bidderId = "731100200";

/** The seat that the bidder's traffic is of. */
export async function addSeat(database: Queryable, client: string): Promise<void> {
  await database.query(
    `insert into rtb.buyer_seats (_client_id, buyer_id, display_name, bidder_account_id, origin) values ($1, $2, 'Harbour Media - Apps', $3, 'sandbox')
     on conflict do nothing`,
    [client, buyerId, bidderId],
  );
}

/** Sends what the mock's active configurations let through as rows of a bidder's own feed until it is stopped. */
export function startFeed(database: Queryable, ask: AskMock, client: string, everyMs = 300) {
  let stopped = false;
  let silent = false;
  const send = async () => {
    const { qps } = (await ask("state", { client })) as MockState;
    await database.query(
      `insert into rtb.rtb_traffic (_client_id, buyer_id, at, size, format, geography, device_type, date, hour, seconds, requests, _file_id, _line, _grain)
       values ($1, $2, now(), '300x250', '', '', '', current_date, -1, 1, $3, 0, 1, '')
       on conflict on constraint rtb_traffic_key do nothing`,
      [client, buyerId, Math.round(qps)],
    );
  };
  const running = (async () => {
    while (!stopped) {
      // Whoever is away gets the next row.
      if (!silent) await send().catch(() => undefined);
      await wait(everyMs);
    }
  })();
  return {
    begun: async () => {
      for (;;) {
        const done = await send().then(
          () => true,
          () => false,
        );
        if (done) return;
        await wait(100);
      }
    },
    silence: (on: boolean) => {
      silent = on;
    },
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

export const idOf = ({ name }: MockConfig) => name.slice(name.lastIndexOf("/") + 1);

/** Everything of a configuration that can be seen. */
const contentOf = (config: MockConfig): Leaves => ({
  ...flatten(config),
  displayName: config.displayName,
  state: config.state,
});

export interface Ended {
  before: readonly MockConfig[];
  after: MockState;
  configId: string;
  /** The change's parts as they were approved. */
  approved: Leaves;
}

export interface Verdict {
  end: "approved" | "snapshot" | "another hand's" | "taken unseen" | "taken late" | "neither";
  /** The alerts there must be. */
  alerts: string[];
  /** Milliseconds between a look of ours and a write that followed, in which a hand changed the same part: nobody can see that. */
  unseenMs: number[];
  why: string;
}

/**
 * Holds what the mock has in the end against what was approved, what was there before, and what another hand did. A hand's
 * change stands. Only what we had sent before we could see it may have taken the same part away: without a look in between
 * nobody can know (`taken unseen`); with one, it has to be said (`taken late`).
 */
export function judgeEnd({ before, after, configId, approved }: Ended): Verdict {
  const { journal } = after;
  const lastLook = journal.findLastIndex(isLook);
  const hands = journal.flatMap((entry, place) =>
    entry.by === "hand" ? Object.keys(entry.fields).map((field) => partOf(journal, place, field)) : [],
  );
  const taken = (fate: HandedPart["fate"]) => hands.filter((one) => one.fate === fate);
  const alerts = [
    ...(taken("stands").some(({ place }) => place < lastLook) || taken("late").length > 0
      ? ["pretargeting_overtaken"]
      : []),
    ...(taken("late").length > 0 ? ["pretargeting_lost"] : []),
  ];
  const verdict = (end: Verdict["end"], why = ""): Verdict => ({
    ...{ end, alerts, why },
    unseenMs: taken("unseen").map(({ windowMs }) => windowMs),
  });
  const overwritten = taken("overwritten").map(({ id, field }) => `${id} ${field} was seen and overwritten`);
  if (overwritten.length > 0) return verdict("neither", overwritten.join("; "));
  const snapshot = new Map(before.map((one) => [idOf(one), contentOf(one)]));
  const applied = new Map(snapshot);
  const original = before.find((one) => idOf(one) === configId);
  if (original !== undefined)
    applied.set(configId, { ...approved, displayName: original.displayName, state: original.state });
  const left = hands.filter(({ fate }) => fate === "stands" || fate === "late");
  const [isApplied, isSnapshot] = [applied, snapshot].map((base) => differences(withHands(base, left, after), after));
  if (isApplied !== "" && isSnapshot !== "") return verdict("neither", `${isApplied} | ${isSnapshot}`);
  if (taken("late").length > 0) return verdict("taken late");
  if (taken("stands").length > 0) return verdict("another hand's");
  if (taken("unseen").length > 0) return verdict("taken unseen");
  return verdict(isApplied === "" ? "approved" : "snapshot");
}

const isLook = ({ by, what }: JournalEntry) => by === "us" && what === "read";

interface HandedPart {
  /** In the journal. */
  place: number;
  id: string;
  field: string;
  value: unknown;
  fate: "stands" | "unseen" | "late" | "overwritten";
  windowMs: number;
}

/** What became of one field that a hand set. */
function partOf(journal: readonly JournalEntry[], place: number, field: string): HandedPart {
  const { configId: id, fields } = journal[place] as JournalEntry;
  const of = { place, id, field, value: fields[field] };
  const taker = journal.findIndex(
    (one, at) => at > place && one.by === "us" && one.configId === id && takes(one, field),
  );
  const write = journal[taker];
  if (write === undefined) return { ...of, fate: "stands", windowMs: 0 };
  const looked = (from: number, to: number) => journal.some((one, at) => at > from && at < to && isLook(one));
  const look = journal.findLast((one, at) => at < write.cameAfter && isLook(one));
  const windowMs = write.at - (look?.at ?? write.at);
  if (looked(place, write.cameAfter)) return { ...of, fate: "overwritten", windowMs };
  return { ...of, fate: looked(Math.max(place, write.cameAfter - 1), taker) ? "late" : "unseen", windowMs };
}

function takes({ what }: JournalEntry, field: string): boolean {
  if (what === "delete") return true;
  const [verb, paths = ""] = what.split(" ");
  return verb === "patch" && paths.split(",").some((path) => path === field || path.startsWith(`${field}.`));
}

/** In words; empty where all is as wanted. */
function differences(wanted: ReadonlyMap<string, Leaves>, { configs }: MockState): string {
  const there = new Map(configs.map((one) => [idOf(one), contentOf(one)]));
  const problems = [...new Set([...wanted.keys(), ...there.keys()])].flatMap((id) => {
    const [old, now] = [wanted.get(id), there.get(id)];
    if (old === undefined || now === undefined) return [`${id} is ${now === undefined ? "gone" : "too many"}`];
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((path) =>
      sameLeaf(old[path], now[path])
        ? []
        : [`${id} ${path}: ${JSON.stringify(now[path])}, not ${JSON.stringify(old[path])}`],
    );
  });
  return problems.join("; ");
}

/** What a hand set, over what was there; a clone that a hand has touched stands as it is, and so does what was taken late. */
function withHands(
  base: ReadonlyMap<string, Leaves>,
  hands: readonly HandedPart[],
  { configs }: MockState,
): ReadonlyMap<string, Leaves> {
  const wanted = new Map(base);
  for (const { id, field, value, fate } of hands) {
    const old = wanted.get(id);
    const now = configs.find((one) => idOf(one) === id);
    if (old === undefined) {
      if (now !== undefined) wanted.set(id, contentOf(now));
      continue;
    }
    const next: Record<string, unknown> = { ...unflatten(old) };
    const set = fate === "late" ? now?.[field] : value;
    if (set === null || set === undefined) delete next[field];
    else next[field] = set;
    wanted.set(id, { ...flatten(next), displayName: String(next["displayName"]), state: String(next["state"]) });
  }
  return wanted;
}
