import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createLogger } from "../../../core/log.ts";
import { createRedactor } from "../../../core/redact.ts";
import type { Event, Outcome } from "../../../rules/promo/events.ts";
import { toSpoolLine } from "../../../rules/promo/spool-line.ts";
import { eventually } from "../../../test/eventually.ts";
import type { Quarantined } from "../../../queries/promo/quarantine.ts";
import { createBatches } from "./batches.ts";
import { Counter, type CounterOptions } from "./counter.ts";

class Theirs extends Error {}

let folder: string;
let counters: Counter[];
let log: string[];
/** A database that counts each id once, and can be away, slow, or take events without saying so. */
let state: "up" | "away" | "silent" | "deaf";
let stored: Map<string, Outcome>;
let quarantined: Quarantined[];
let batches: number[];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "counter-"));
  [counters, log, state, stored, quarantined, batches] = [[], [], "up", new Map(), [], []];
});
afterEach(async () => {
  for (const counter of counters) await counter.stop();
  rmSync(folder, { recursive: true });
});

async function record(events: readonly Pick<Event, "event_id">[]): Promise<(Outcome | "raced")[]> {
  await Promise.resolve();
  if (state === "away") throw new Error("ECONNREFUSED");
  if (state === "deaf") return new Promise(() => undefined);
  if (events.some(({ event_id: id }) => id.startsWith("poison"))) throw new Theirs("a value is wrong");
  if (events.length > 0) batches.push(events.length);
  const outcomes = events.map(({ event_id: id }): Outcome | "raced" => {
    if (id.startsWith("raced") && !stored.has(`seen ${id}`)) {
      stored.set(`seen ${id}`, "counted");
      return "raced";
    }
    if (id.startsWith("unknown")) return "unknown_variation";
    if (stored.has(id)) return "duplicate";
    stored.set(id, "counted");
    return "counted";
  });
  return state === "silent" ? new Promise(() => undefined) : outcomes;
}

function counterOf(options: Partial<CounterOptions> = {}): Counter {
  const counter = new Counter({
    recorder: {
      impressions: record,
      clicks: record,
      quarantine: (events) => {
        quarantined.push(...events);
        return Promise.resolve();
      },
    },
    isTheirs: (error) => error instanceof Theirs,
    problemOf: (event) => (event.variation_id === 404 ? "unknown_variation" : null),
    spool: { folder, limitBytes: 1_000_000 },
    deadlineMs: 60,
    rememberedDays: 30,
    logger: createLogger({
      name: "test",
      level: "debug",
      redact: createRedactor([]),
      write: (line) => void log.push(line),
    }),
    onSpool: () => Promise.resolve(),
    onUnreadable: () => Promise.resolve(),
    retryMs: 20,
    ...options,
  });
  counters.push(counter);
  return counter;
}

let made = 0;
const event = (of: Partial<Event> = {}): Event => {
  const at = new Date().toISOString();
  const id = { event_id: `e${++made}`, variation_id: 1, at };
  return (
    of.kind === "click"
      ? {
          ...id,
          via: "api",
          click_id: null,
          referrer: null,
          device: "unknown",
          bot: null,
          is_bot: false,
          ip_hash: null,
          body_hash: null,
          agent: null,
          ...of,
        }
      : { kind: "impression", ...id, offer_id: 1, send_id: null, recipients: null, ...of }
  ) as Event;
};
const spooled = () => readdirSync(folder).filter((name) => /\.(spool|damaged)$/.test(name));
const ids = () => [...stored.keys()].filter((id) => !id.startsWith("seen"));

test("events that arrive together are stored together, and each has its own answer", async () => {
  const counter = counterOf();
  const answers = await Promise.all([
    ...Array.from({ length: 20 }, () => counter.count(event())),
    counter.count(event({ event_id: "unknown" })),
    counter.count(event({ event_id: "raced" })),
  ]);
  expect(answers.slice(0, 20)).toEqual(Array(20).fill({ state: "known", outcome: "counted" }));
  expect(answers.slice(20)).toEqual([
    { state: "known", outcome: "unknown_variation" },
    { state: "known", outcome: "counted" },
  ]);
  // The one that raced was tried again.
  expect(batches).toEqual([22, 1]);
});

test("one event that the database refuses spoils no other", async () => {
  const counter = counterOf();
  const answers = await Promise.allSettled(["a", "poison", "b"].map((id) => counter.count(event({ event_id: id }))));
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(ids()).toEqual(["a", "b"]);
  expect(spooled()).toEqual([]);
});

test("while the database is away events lie on the disk, and each is counted once when it is back", async () => {
  const counter = counterOf();
  state = "away";
  const kinds = ["impression", "click"] as const;
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, n) => counter.count(event({ kind: kinds[n % 2] as never }))),
  );
  expect(new Set(answers.map((answer) => answer.state))).toEqual(new Set(["spooled"]));
  expect(await counter.count(event())).toEqual({ state: "spooled" });
  expect(counter.spool.bytes).toBeGreaterThan(0);
  state = "up";
  await eventually(() => expect(ids()).toHaveLength(11));
  await eventually(() => expect([counter.spool.bytes, spooled()]).toEqual([0, []]));
  expect(await counter.count(event())).toEqual({ state: "known", outcome: "counted" });
});

test("a batch that was stored without a word is counted once all the same", async () => {
  const counter = counterOf();
  state = "silent";
  const answers = await Promise.all([counter.count(event({ event_id: "a" })), counter.count(event({ event_id: "b" }))]);
  expect(answers).toEqual([{ state: "spooled" }, { state: "spooled" }]);
  expect(ids()).toEqual(["a", "b"]);
  state = "up";
  await eventually(() => expect(spooled()).toEqual([]));
  expect(ids()).toEqual(["a", "b"]);
});

test("an event that no batch has taken yet when its time is over is taken back", async () => {
  const counter = counterOf();
  state = "deaf";
  const first = counter.count(event({ event_id: "a" }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const second = [counter.count(event({ event_id: "b" })), counter.count(event({ kind: "click", event_id: "c" }))];
  expect((await Promise.all([first, ...second])).map((answer) => answer.state)).toEqual(Array(3).fill("spooled"));
  state = "up";
  await eventually(() => expect(ids().sort()).toEqual(["a", "b", "c"]));
});

test("what is known to be wrong is said while the database is away; nothing of it lies on the disk", async () => {
  const counter = counterOf();
  state = "away";
  expect(await counter.count(event({ variation_id: 404 }))).toEqual({ state: "known", outcome: "unknown_variation" });
  expect(spooled()).toEqual([]);
});

test("where the disk takes nothing either, that is said", async () => {
  const counter = counterOf({ spool: { folder, limitBytes: 10 } });
  state = "away";
  expect(await counter.count(event({ event_id: "lost" }))).toEqual({ state: "lost" });
  state = "up";
  await eventually(async () => expect((await counter.count(event({ event_id: "later" }))).state).toBe("known"));
  expect(ids()).toEqual(["later"]);
});

test("of what lies on the disk, what is too old, unknown or refused is quarantined, and the rest is counted", async () => {
  const old = new Date(Date.now() - 31 * 86_400_000).toISOString();
  const lines = [
    event({ event_id: "old", at: old }),
    event({ event_id: "unknown" }),
    event({ event_id: "raced" }),
    event({ kind: "click", event_id: "poison", referrer: "https://h.example/a;email=j@x.example", bot: "JaneBot" }),
    event({ kind: "click", event_id: "fine" }),
  ].map(toSpoolLine);
  writeFileSync(path.join(folder, "gone.000001.spool"), lines.join(""));
  counterOf().start();
  await eventually(() => expect(spooled()).toEqual([]));
  expect(ids().sort()).toEqual(["fine", "raced"]);
  expect(quarantined.map((one) => [one.event.event_id, one.reason]).sort()).toEqual([
    ["old", "too_old"],
    ["poison", "refused"],
    ["unknown", "unknown_variation"],
  ]);
  // Also of a file whose process kept more of a visitor.
  expect(quarantined.find((one) => one.event.event_id === "poison")?.event).toMatchObject({
    referrer: "https://h.example/",
    bot: "bot",
  });
});

test("what the database breaks off while the disk is read back goes on later", async () => {
  writeFileSync(path.join(folder, "gone.000001.spool"), toSpoolLine(event({ event_id: "a" })));
  let breaks = 2;
  const impressions = (events: readonly Pick<Event, "event_id">[]) => {
    breaks -= 1;
    return breaks >= 0 ? Promise.reject(new Error("ECONNRESET")) : record(events);
  };
  const quarantine = () => Promise.resolve();
  counterOf({ recorder: { impressions, clicks: record, quarantine } }).start();
  await eventually(() => expect([ids(), spooled()]).toEqual([["a"], []]));
});

test("an event that the database refuses beside others on the disk is quarantined alone", async () => {
  const lines = ["a", "poison", "b"].map((id) => toSpoolLine(event({ event_id: id })));
  writeFileSync(path.join(folder, "gone.000001.spool"), lines.join(""));
  counterOf().start();
  await eventually(() => expect([ids(), spooled()]).toEqual([["a", "b"], []]));
  expect(quarantined.map((one) => [one.event.event_id, one.reason])).toEqual([["poison", "refused"]]);
});

test("a file with a line that is no event is kept after the others are counted", async () => {
  writeFileSync(path.join(folder, "gone.000001.spool"), `${toSpoolLine(event({ event_id: "a" }))}rubbish\n`);
  counterOf().start();
  await eventually(() => expect(spooled()).toEqual([expect.stringMatching(/damaged$/)]));
  expect(ids()).toEqual(["a"]);
});

test("what cannot be read in the spool is set aside with a line in the log and told once; all else is counted", async () => {
  mkdirSync(path.join(folder, "dead.000001.spool"));
  mkdirSync(path.join(folder, `${"long".repeat(40)}.spool`));
  writeFileSync(path.join(folder, "dead.000002.spool"), toSpoolLine(event({ event_id: "refused", variation_id: 5 })));
  writeFileSync(path.join(folder, "gone.000001.spool"), toSpoolLine(event({ event_id: "a" })));
  const told: string[] = [];
  let isDeaf = true;
  const onUnreadable = (name: string) => {
    // What could not be told is told later.
    if (isDeaf) {
      isDeaf = false;
      return Promise.reject(new Error("ECONNRESET"));
    }
    told.push(name);
    return Promise.resolve();
  };
  const counter = counterOf({ onUnreadable });
  counter.start();
  await eventually(() => expect(told).toHaveLength(2));
  expect(ids().sort()).toEqual(["a", "refused"]);
  expect(spooled().sort()).toEqual(told.sort());
  expect(counter.spool).toEqual({ bytes: 0, since: null });
  expect(log.filter((line) => line.includes("cannot be read"))).toHaveLength(2);
});

test("a file whose events cannot be quarantined while the database is away waits until they can", async () => {
  writeFileSync(path.join(folder, "gone.000001.spool"), toSpoolLine(event({ event_id: "unknown" })));
  let breaks = 2;
  const quarantine: CounterOptions["recorder"]["quarantine"] = (events) => {
    breaks -= 1;
    if (breaks >= 0) return Promise.reject(new Error("ECONNRESET"));
    quarantined.push(...events);
    return Promise.resolve();
  };
  counterOf({ recorder: { impressions: record, clicks: record, quarantine } }).start();
  await eventually(() => expect([quarantined.length, spooled()]).toEqual([1, []]));
});

test("a file whose events can be neither counted nor quarantined does not hold up the others", async () => {
  writeFileSync(path.join(folder, "dead.000001.spool"), toSpoolLine(event({ event_id: "poison" })));
  writeFileSync(path.join(folder, "gone.000001.spool"), toSpoolLine(event({ event_id: "a" })));
  const quarantine = () => Promise.reject(new Theirs("a value is wrong"));
  counterOf({ recorder: { impressions: record, clicks: record, quarantine } }).start();
  await eventually(() => expect([ids(), spooled()]).toEqual([["a"], [expect.stringMatching(/damaged$/)]]));
});

test("what is counted behind somebody's back is done before the counter stops; an error there is logged", async () => {
  const counter = counterOf();
  counter.countBehind(() => Promise.resolve(event({ event_id: "a" })));
  counter.countBehind(() => Promise.resolve(null));
  counter.countBehind(() => Promise.reject(new Error("broken by the test")));
  await counter.stop();
  expect(ids()).toEqual(["a"]);
  expect(log.join("\n")).toContain("broken by the test");
  counter.start();
  expect(spooled()).toEqual([]);
});

test("a batch holds no more than it may", async () => {
  const sizes: number[] = [];
  const { add } = createBatches<number>({
    record: (events) => Promise.resolve(events.map(() => (sizes.push(events.length), "counted" as const))),
    isTheirs: () => false,
    mostAtOnce: 2,
  });
  await Promise.all([1, 2, 3].map(add));
  expect(sizes).toEqual([2, 2, 1]);
});

test("the next batch is on its way before those of the last one are answered", async () => {
  const order: string[] = [];
  const { add } = createBatches<string>({
    record: async (events) => {
      // As the pool sends what it is given.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      order.push(`sent ${events.join(" ")}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return events.map(() => "counted" as const);
    },
    isTheirs: () => false,
    mostAtOnce: 2,
  });
  await Promise.all(["a", "b", "c", "d"].map((event) => add(event).then(() => order.push(`answered ${event}`))));
  expect(order).toEqual(["sent a b", "sent c d", "answered a", "answered b", "answered c", "answered d"]);
});
