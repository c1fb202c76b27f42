import { generateKeyPairSync } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { issueToken } from "../../core/tokens.ts";
import { findPlan, type PlanRow } from "../../queries/pretargeting/plans.ts";
import type { Leaves } from "../../rules/pretargeting/leaves.ts";
import { warning } from "../../rules/pretargeting/warning.ts";
import { freePorts } from "../../scripts/embedded/process.ts";
import { keepRunning } from "../children.ts";
import { addSeat, judgeEnd, startFeed, type MockState, type Verdict } from "../pretargeting-world.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { finding, type Drill, type DrillSetup } from "./drill.ts";

const ofEach = Number(process.env["PRETARGETING_RUNS"] ?? 200);
const lanes = Math.min(30, ofEach);
/**
 * alone: nobody else is at it. a hand: another person changes something at a moment by the clock. in the moment: after a
 * request of ours and before the next one, which by the clock hardly ever happens, and often is between a look and its write.
 */
const kinds = ["alone", "a hand", "in the moment"] as const;
type Kind = (typeof kinds)[number];
const wanted: Record<Kind, number> = { alone: ofEach, "a hand": ofEach, "in the moment": Math.ceil(ofEach / 4) };
const secret = "drill-secret-drill-secret-drill-secret";
const patienceMs = 600_000;
const clientsOf = Array.from({ length: lanes }, (_, number) => `d${number + 1}`);

export const pretargeting: Drill = {
  rows: [1, 4],
  name: "pretargeting",
  done: `${ofEach} changes of pretargeting while worker, API and Postgres are killed at random; the exchange refuses, hangs, accepts without an answer or late; QPS drops. ${ofEach} more in which another hand changes something at any moment, and ${wanted["in the moment"]} in which it does so between two requests of ours`,
  expected:
    "the configuration is the approved one or exactly the snapshot; what another hand changed stands, with a critical alert",
  run: async (setup) => {
    const [apiPort = 0] = await freePorts(1);
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
    const email = (client: string) => `drill-${client}@signal-room.iam.gserviceaccount.com`;
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    const stack = await startBenchStack({
      temporalOnFile: true,
      settings: {
        CLIENTS: clientsOf.join(","),
        ...Object.fromEntries(
          clientsOf.map((client) => [
            `AUTHORIZED_BUYERS_KEY_${client.toUpperCase()}`,
            JSON.stringify({ client_email: email(client), private_key: pem }),
          ]),
        ),
        AUTHORIZED_BUYERS_INTERVAL_MS: "1",
        PRETARGETING_APPLY: "on",
        PRETARGETING_WATCH_SECONDS: "4",
        PRETARGETING_CHECK_SECONDS: "2",
        PRETARGETING_SILENT_SECONDS: "30",
        PRETARGETING_ANSWER_SECONDS: "2",
        UNAVAILABLE_ATTEMPTS: "4",
        VENDOR_SLOTS: "40",
        WORKER_SHUTDOWN_GRACE_MS: "0",
        API_PORT: String(apiPort),
        API_JWT_SECRET: secret,
        API_RATE_LIMIT_PER_MINUTE: "100000000",
        LOG_LEVEL: "error",
      },
      sandbox: { SANDBOX_AUTHORIZED_BUYERS_LIMITS: "none" },
    });
    for (const client of clientsOf) {
      const address = { AUTHORIZED_BUYERS_BASE_URL: `${stack.sandboxUrl}/authorized_buyers` };
      Object.assign(stack.env, address);
      const known = { email: email(client), client, publicKey: publicKey.export({ type: "spki", format: "pem" }) };
      await stack.control("POST", "/authorized_buyers/service-accounts", known);
      await addSeat(stack.database, client);
    }
    try {
      return await runAll(stack, `http://127.0.0.1:${apiPort}/api/v1/rtb/pretargeting/plans`, setup);
    } finally {
      await stack.stop();
    }
  },
};

interface Ended {
  kind: Kind;
  end: Verdict["end"];
  isGood: boolean;
  hasAlert: boolean;
  unseenMs: number[];
}

async function runAll(stack: BenchStack, url: string, { random, say }: DrillSetup) {
  const worker = keepRunning(() => stack.startWorker());
  const api = keepRunning(() => stack.startChild("api", "api/main.js"));
  await Promise.all([worker.isUp(), api.isUp()]);
  const ended: Ended[] = [];
  const order = kinds.flatMap((kind) => Array<Kind>(wanted[kind]).fill(kind));
  const left = order
    .map((kind) => ({ kind, place: random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ kind }) => kind);
  const work = clientsOf.map(async (client) => {
    const feed = startFeed(stack.database, (what, body) => ask(stack, what, body), client, 1_000);
    await feed.begun();
    const token = await issueToken({
      secret,
      client,
      role: "operator",
      subject: `ada of ${client}`,
      expiresInSeconds: 43_200,
    });
    for (let kind = left.pop(); kind !== undefined; kind = left.pop()) {
      ended.push(await runOnce({ stack, client, kind, random, say, call: caller(url, token) }));
      if (ended.length % 10 === 0) say(`of ${order.length} changes: ${describeKinds(ended).join("; ")}`);
    }
    await feed.stop();
  });
  let isOver = false;
  const working = Promise.all(work).finally(() => (isOver = true));
  const struck = { worker: 0, API: 0, Postgres: 0 };
  const strikes = { worker: worker.kill, API: api.kill, Postgres: stack.restartPostgres };
  const names = Object.keys(strikes) as (keyof typeof strikes)[];
  const killing = (async () => {
    while (!isOver) {
      // Where starting takes long, too, there is work in between.
      await Promise.all([worker.isUp(), api.isUp()]);
      await wait(5_000 + random() * 12_000);
      const name = names[Math.floor(random() * names.length)] ?? "worker";
      await strikes[name]();
      struck[name] += 1;
    }
  })();
  await working;
  await killing;
  await Promise.all([worker.isUp(), api.isUp()]);
  worker.end();
  api.end();
  const bad = ended.filter(({ isGood }) => !isGood);
  const windows = ended.flatMap(({ unseenMs }) => unseenMs).sort((one, other) => one - other);
  return finding(
    bad.length === 0 && ended.length === order.length,
    [
      `killed ${names.map((name) => `${name} ${struck[name]}`).join(", ")}`,
      ...describeKinds(ended),
      `${bad.length} broken`,
      ...(windows.length === 0
        ? []
        : [`taken unseen: ${windows[0]} to ${windows.at(-1)} ms lay between that look and that write`]),
    ].join("; "),
  );
}

const describeKinds = (ended: readonly Ended[]) =>
  kinds.map((kind) => `${kind}: ${describeEnds(ended.filter((one) => one.kind === kind))}`);

function describeEnds(ended: readonly Ended[]): string {
  const ends = [...new Set(ended.map(({ end }) => end))].sort();
  const alerted = ended.filter(({ hasAlert }) => hasAlert).length;
  return `${ended.length} changes, ${ends.map((end) => `${end} ${ended.filter((one) => one.end === end).length}`).join(", ")}, ${alerted} with an open critical alert`;
}

const ask = (stack: BenchStack, what: string, body: object) =>
  stack.control("POST", `/authorized_buyers/pretargeting/${what}`, body);

type Call = (path: string, body: object) => Promise<{ status: number; body: Record<string, unknown> } | null>;

const caller =
  (url: string, token: string): Call =>
  (path, body) =>
    fetch(`${url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15_000),
    }).then(
      async (answer) => ({ status: answer.status, body: (await answer.json()) as Record<string, unknown> }),
      () => null,
    );

interface Run {
  stack: BenchStack;
  client: string;
  kind: Kind;
  say: DrillSetup["say"];
  random: () => number;
  call: Call;
}

const troubles = ["refused", "unavailable", "quota", "reset", "lost", "hangs", "late"] as const;
/** By the clock a change mostly takes no longer. */
const longestMs = 40_000;
const hands = [
  { minimumViewabilityDecile: 7 },
  { maximumQps: "333" },
  { geoTargeting: { excludedIds: ["2840"] } },
  { state: "SUSPENDED" },
];

async function runOnce({ stack, client, kind, random, say, call }: Run): Promise<Ended> {
  const chance = (share: number) => random() < share;
  const oneOf = <One>(list: readonly One[]): One => list[Math.floor(random() * list.length)] as One;
  const mock = (what: string, body: object = {}) => ask(stack, what, { client, ...body });
  await mock("reset");
  const before = ((await mock("state")) as MockState).configs;
  const plan = await planned({ stack, client, call });
  const { planId } = plan;
  // All of chance is drawn before it begins.
  for (let number = Math.floor(random() * 4); number > 0; number -= 1)
    await mock("trouble", {
      ...{ on: chance(0.75) ? "write" : "read", kind: oneOf(troubles), times: 1 + Math.floor(random() * 2) },
      ...{ after: Math.floor(random() * 5), lateMs: 100 + Math.floor(random() * 900) },
    });
  const [configId, set, share] = [chance(0.25) ? "newest" : "7310001", oneOf(hands), random()];
  if (kind === "in the moment") await mock("hand", { configId, set, afterRequests: 1 + Math.floor(share * 20) });
  const [drops, dropsAfterMs, takesBack] = [chance(0.2), random() * 15_000, chance(0.25)];
  const dropping = drops ? wait(dropsAfterMs).then(() => mock("traffic", { factor: 0.3 })) : Promise.resolve();
  if (kind === "a hand") await mock("hand", { configId, set, afterMs: 1 + Math.floor(share * longestMs) });
  await approved({ stack, client, call }, plan);
  let end = await settled(stack, { client, planId });
  if (takesBack && end.state === "applied") {
    await until(async () => [202, 409].includes((await call(`/${planId}/rollback`, {}))?.status ?? 0));
    // A refusal leaves it applied: either is said by an event.
    await until(async () => {
      const { rows } = await stack.database.query(
        `select from rtb.pretargeting_events where _client_id = $1 and plan_id = $2 and kind in ('rolled_back', 'rollback_refused')
         union all select from rtb.pretargeting_plans where _client_id = $1 and plan_id = $2 and state = 'overtaken'`,
        [client, planId],
      );
      return rows.length > 0;
    });
    end = await settled(stack, { client, planId });
  }
  await dropping;
  const after = (await mock("state")) as MockState;
  const verdict = judgeEnd({ before, after, configId: plan.configId ?? "", approved: plan.target as Leaves });
  const alerts = await retried(async () => {
    const { rows } = await stack.database.query<{ kind: string }>(
      "select kind from ops.alerts where _client_id = $1 and subject = $2 and kind in ('pretargeting_overtaken', 'pretargeting_lost') and severity = 'critical' and resolved_at is null",
      [client, `pretargeting/${planId}`],
    );
    return rows.map((one) => one.kind);
  });
  const missing = verdict.alerts.filter((alert) => !alerts.includes(alert));
  const isFalseAlarm = kind === "alone" && alerts.length > 0;
  const isGood = verdict.end !== "neither" && missing.length === 0 && !isFalseAlarm;
  if (!isGood || verdict.end.startsWith("taken"))
    say(
      `${isGood ? "" : "BROKEN "}${kind}, ${client}, plan ${planId} ${end.state}: ${verdict.end} ${verdict.why}; missing alerts: ${missing.join(", ") || "none"}; ${JSON.stringify({ alerts, journal: after.journal.map(({ at, cameAfter, by, configId: id, what }) => [at - (after.journal[0]?.at ?? 0), cameAfter, by, id, what]) })}`,
    );
  return { kind, end: verdict.end, isGood, hasAlert: alerts.length > 0, unseenMs: verdict.unseenMs };
}

async function planned({ stack, client, call }: Pick<Run, "stack" | "client" | "call">): Promise<PlanRow> {
  for (;;) {
    const answer = await call("", { waste: { by: "country", value: "BR" } });
    const planId = Number(answer?.body["planId"]);
    if (answer === null || answer.status >= 300 || !Number.isInteger(planId)) {
      await wait(200);
      continue;
    }
    let found: PlanRow | null = null;
    await until(async () => {
      found = await findPlan(stack.database, { client, planId });
      return found !== null && found.state !== "planning";
    });
    if ((found as PlanRow | null)?.state === "planned") return found as unknown as PlanRow;
  }
}

/** Until it is known to be on its way, or over: whoever gets no answer sends again. */
async function approved(
  { stack, client, call }: Pick<Run, "stack" | "client" | "call">,
  { planId, digest }: PlanRow,
): Promise<void> {
  await until(async () => {
    const answer = await call(`/${planId}/approve`, { digest, warningVersion: warning.version, accepted: true });
    if (answer?.status === 202) return true;
    if (answer?.status !== 409) return false;
    const message = String(answer.body["message"]);
    if (/applied once/.test(message)) return true;
    // It stopped before anything was changed, as where a hand has suspended all: what is approved still waits for the feed.
    const plan = await findPlan(stack.database, { client, planId });
    return /stops after the dry run/.test(message) && plan?.state === "planned";
  });
}

const settledStates = ["planned", "applied", "rolled_back", "overtaken"];

async function settled(stack: BenchStack, of: { client: string; planId: number }): Promise<PlanRow> {
  let found: PlanRow | null = null;
  await until(async () => {
    found = await findPlan(stack.database, of);
    return settledStates.includes((found as PlanRow | null)?.state ?? "");
  });
  return found as unknown as PlanRow;
}

async function until(look: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + patienceMs; ;) {
    if (await look().catch(() => false)) return;
    if (Date.now() > deadline) throw new Error("what was waited for did not come");
    await wait(250);
  }
}

async function retried<Result>(work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch {
      await wait(200);
    }
  }
}
