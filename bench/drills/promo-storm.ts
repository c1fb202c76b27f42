import { setTimeout as wait } from "node:timers/promises";
import type { ChildProcess } from "node:child_process";
import { killChild } from "../children.ts";
import { finding, type Drill, type DrillSetup, type Finding } from "./drill.ts";
import { readCounts, startPromoStack, type PromoStack } from "./promo-stack.ts";

const events = 20_000;
const connections = 50;
const awayMs = 3_000;
/** One event in five has no id of its sender: without an answer nobody can know of it. */
const namelessEach = 5;

interface Tally {
  answers: Record<string, number>;
  /** Ids that were answered: each is to be counted once. */
  ids: Set<string>;
  /** Answered 204 without an id: counted once each. */
  nameless: number;
  /** Without an id, and without an answer. */
  unknown: number;
  slowestMs: number;
  done: number;
}

export const promoStorm: Drill = {
  rows: [4, 5],
  name: "promo-storm",
  done: `${events} impressions and clicks over ${connections} connections, with Postgres killed and away for ${awayMs / 1_000} s, the API killed, and both at once`,
  expected: "each event that was answered 204, or 503 with recorded: true, is counted once, and nothing else is",
  run: async ({ say }) => {
    const stack = await startPromoStack(connections);
    try {
      return await storm(stack, say);
    } finally {
      await stack.stop();
    }
  },
};

async function storm(stack: PromoStack, say: DrillSetup["say"]): Promise<Finding> {
  let api: ChildProcess = await stack.startApi();
  const restart = async () => {
    await killChild(api);
    api = await stack.startApi();
  };
  const tally: Tally = { answers: {}, ids: new Set(), nameless: 0, unknown: 0, slowestMs: 0, done: 0 };
  const until = async (share: number) => {
    while (tally.done < share * events) await wait(20);
  };
  const faults = async () => {
    await until(0.2);
    say("Postgres is killed");
    await stack.withoutPostgres(() => wait(awayMs));
    await until(0.4);
    say("the API is killed");
    await restart();
    await until(0.6);
    say("Postgres is killed, and the API while events wait on the disk");
    await stack.withoutPostgres(async () => {
      await wait(awayMs / 2);
      await restart();
      await wait(awayMs / 2);
    });
    await until(0.85);
    say("the API is killed");
    await restart();
  };
  let next = 0;
  const lane = async () => {
    while (next < events) await send(stack, next++, tally);
  };
  await Promise.all([faults(), ...Array.from({ length: connections }, lane)]);
  await stack.untilCounted();
  return judge(stack, tally);
}

/** Sent again under its id until there is an answer: as a client does that wants it counted. */
async function send(stack: PromoStack, turn: number, tally: Tally): Promise<void> {
  const isClick = turn % 2 === 0;
  const isNameless = turn % namelessEach === 0;
  const variation = [11, 11, 11, 12, 21, 22][turn % 6] ?? 11;
  const id = isNameless ? {} : { event_id: `storm-${turn}` };
  const body = isClick
    ? {
        variation_id: variation,
        ip_address: `198.51.100.${turn % 250}`,
        user_agent: "Mozilla/5.0 (X11; Linux x86_64)",
        ...id,
      }
    : { offer_id: variation < 20 ? 1 : 2, variation_id: variation, ...id };
  for (;;) {
    const answer = await stack.post(isClick ? "track-click" : "track-impression", body);
    const status = answer === null ? "none" : `${answer.status}${answer.body.recorded === true ? " recorded" : ""}`;
    tally.answers[status] = (tally.answers[status] ?? 0) + 1;
    tally.slowestMs = Math.max(tally.slowestMs, answer?.ms ?? 0);
    const isAnswered = status === "204" || status === "503 recorded";
    if (isAnswered && answer !== null) {
      if (!isNameless) tally.ids.add(`storm-${turn}`);
      else if (answer.body.event_id === undefined) tally.nameless += 1;
      else tally.ids.add(answer.body.event_id);
    } else if (!isNameless) {
      await wait(50);
      continue;
    } else if (answer === null) tally.unknown += 1;
    tally.done += 1;
    return;
  }
}

async function judge(stack: PromoStack, tally: Tally): Promise<Finding> {
  const database = stack.connect();
  try {
    const { rows: stored } = await database.query<{ id: string }>(
      "select event_id as id from promo.promo_impression_tracking union all select event_id from promo.promo_click_tracking",
    );
    const counts = await readCounts(database);
    const known = new Map<string, number>();
    for (const { id } of stored) known.set(id, (known.get(id) ?? 0) + 1);
    const lost = [...tally.ids].filter((id) => !known.has(id)).length;
    const doubled = [...known.values()].filter((times) => times > 1).length;
    // Events without an id that were answered 204 have one of ours; beyond them only those without any answer may be there.
    const others = [...known.keys()].filter((id) => !tally.ids.has(id)).length;
    const isRight = others >= tally.nameless && others <= tally.nameless + tally.unknown;
    return finding(
      lost === 0 && doubled === 0 && isRight && counts.isOne && tally.slowestMs < 5_000,
      `answers ${JSON.stringify(tally.answers)}, the slowest after ${Math.round(tally.slowestMs)} ms; lost ${lost}, doubled ${doubled}; without an id ${tally.nameless} answered, ${tally.unknown} not, ${others} counted; ${counts.text}`,
    );
  } finally {
    await database.end();
  }
}
