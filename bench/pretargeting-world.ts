import { setTimeout as wait } from "node:timers/promises";
import { flatten, sameLeaf, unflatten, type Leaves } from "../rules/pretargeting/leaves.ts";
import type { Queryable } from "../schema/database.ts";

export interface MockConfig {
  name: string;
  displayName: string;
  state: string;
  [field: string]: unknown;
}

export interface MockState {
  configs: MockConfig[];
  journal: { at: number; by: "us" | "hand"; configId: string; what: string; fields: Record<string, unknown> }[];
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
  end: "approved" | "snapshot" | "another hand's" | "neither";
  /** A hand changed something while the plan was under way, as far as our last look. */
  isOvertaken: boolean;
  /** A hand's change that came between our look and the write that followed: no client can see it. */
  unseeable: number;
  why: string;
}

/** Holds what the mock has in the end against what was approved, what was there before, and what another hand did. */
export function judgeEnd({ before, after, configId, approved }: Ended): Verdict {
  const lastLook = after.journal.findLastIndex(({ by, what }) => by === "us" && what === "read");
  const hands = after.journal.filter(({ by }) => by === "hand");
  const meanwhile = hands.filter((hand) => after.journal.indexOf(hand) < lastLook);
  const unseeable = hands.filter((hand) => isUnseen(after.journal, hand)).length;
  const verdict = (end: Verdict["end"], why = ""): Verdict => ({
    ...{ end, isOvertaken: meanwhile.length > 0, unseeable, why },
  });
  const same = (wanted: ReadonlyMap<string, Leaves>) => {
    const there = new Map(after.configs.map((one) => [idOf(one), contentOf(one)]));
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
  };
  const snapshot = new Map(before.map((one) => [idOf(one), contentOf(one)]));
  const applied = new Map(snapshot);
  const original = before.find((one) => idOf(one) === configId);
  if (original !== undefined)
    applied.set(configId, { ...approved, displayName: original.displayName, state: original.state });
  if (hands.length === 0) {
    if (same(applied) === "") return verdict("approved");
    const why = same(snapshot);
    return why === "" ? verdict("snapshot") : verdict("neither", why);
  }
  const whys = [applied, snapshot].map((base) => same(withHands(base, hands, after)));
  return whys.includes("") ? verdict("another hand's") : verdict("neither", whys.join(" | "));
}

/** What the hand set, over what was there; a clone that a hand has touched stands as it is. */
function withHands(
  base: ReadonlyMap<string, Leaves>,
  hands: MockState["journal"],
  { configs }: MockState,
): ReadonlyMap<string, Leaves> {
  const wanted = new Map(base);
  for (const { configId, fields } of hands) {
    const old = wanted.get(configId);
    if (old === undefined) {
      const clone = configs.find((one) => idOf(one) === configId);
      if (clone !== undefined) wanted.set(configId, contentOf(clone));
      continue;
    }
    const next: Record<string, unknown> = { ...unflatten(old) };
    for (const [field, value] of Object.entries(fields)) {
      if (value === null) delete next[field];
      else next[field] = value;
    }
    wanted.set(configId, {
      ...flatten(next),
      displayName: String(next["displayName"]),
      state: String(next["state"]),
    });
  }
  return wanted;
}

function isUnseen(journal: MockState["journal"], hand: MockState["journal"][number]): boolean {
  const place = journal.indexOf(hand);
  const next = journal.slice(place + 1).find(({ by }) => by === "us");
  return next !== undefined && next.what !== "read";
}
