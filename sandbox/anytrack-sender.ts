import { Agent, request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { addDays, daysFromTo } from "../core/days.ts";
import { originHeader } from "../core/origin.ts";
import { streamOf, webhookBody, webhooksOfDay } from "./anytrack-data.ts";
import { chance } from "./chance.ts";
import { presentMs, type Clock } from "./clock.ts";
import { plantedShape, trackedOfDay } from "./tracked-data.ts";

const order = z.strictObject({
  url: z.url(),
  client: z.string().default("713"),
  /** Names the series: the same name sends the same conversions. */
  name: z.string().default("stream"),
  from: z.iso.datetime().default("2026-03-08T12:00:00Z"),
  count: z.int().min(1).max(100_000).default(100),
  /** In place of a series: what happened in these last days up to now, clicks and all. */
  lastDays: z.int().min(1).max(120).optional(),
  /** Of them, the last days whose clicks that led to nothing are sent too. */
  idleClicksOfLastDays: z.int().min(0).max(120).default(120),
  /** In place of a series: what AnyTrack has of Everflow's conversions of these days, and so many of each otherwise per day. */
  tracked: plantedShape.extend({ from: z.iso.date(), to: z.iso.date() }).optional(),
  /** How often each is sent. */
  repeats: z.int().min(1).max(20).default(1),
  /** In an order of chance, not of time. */
  shuffle: z.boolean().default(false),
  connections: z.int().min(1).max(200).default(4),
  /** Posts that fail are sent again until they are taken. */
  retryMs: z.int().min(1).max(60_000).default(100),
});

export interface Sending {
  posts: number;
  accepted: number;
  /** Tries that were not taken: refused, cut off, or without an answer. */
  failed: number;
  statuses: Record<string, number>;
  /** Milliseconds from the first post to the last that was taken; null while under way. */
  tookMs: number | null;
}

/** Mocks AnyTrack's own sender: at least once, in any order, and again after a failure. */
export function createSender(clock: Clock) {
  const sendings: Sending[] = [];
  return {
    list: () => sendings,
    /** One event, until it is taken. */
    post(url: string, event: object): void {
      const sending: Sending = { posts: 1, accepted: 0, failed: 0, statuses: {}, tookMs: null };
      sendings.push(sending);
      void send([JSON.stringify(event)], { ...order.parse({ url }), retryMs: 1_000 }, sending);
    },
    start(body: unknown): { id: number } {
      const wanted = order.parse(body);
      const happened = happenedIn(clock, wanted);
      const bodies = happened.map((event) => JSON.stringify(event));
      const posts = Array.from({ length: wanted.repeats }, (_, repeat) =>
        bodies.map((text, index) => ({
          text,
          place: wanted.shuffle ? chance(wanted.name, repeat, index) : repeat * bodies.length + index,
        })),
      ).flat();
      const queue = posts.sort((one, other) => one.place - other.place).map((post) => post.text);
      const sending: Sending = { posts: queue.length, accepted: 0, failed: 0, statuses: {}, tookMs: null };
      sendings.push(sending);
      void send(queue, wanted, sending);
      return { id: sendings.length - 1 };
    },
  };
}

function happenedIn(clock: Clock, wanted: z.output<typeof order>): object[] {
  const { client, lastDays, tracked } = wanted;
  if (lastDays !== undefined) return eventsOfLastDays(clock, client, { ...wanted, lastDays });
  if (tracked === undefined) return streamOf(client, wanted.name, wanted.count, wanted.from).map(webhookBody);
  const { from, to, ...planted } = tracked;
  return daysFromTo(from, to)
    .flatMap((day) => trackedOfDay(client, day, planted).events)
    .filter(({ at }) => Date.parse(at) <= presentMs(clock.settings()))
    .map(({ body }) => body);
}

function eventsOfLastDays(clock: Clock, client: string, of: { lastDays: number; idleClicksOfLastDays: number }) {
  const now = presentMs(clock.settings());
  const today = new Date(now).toISOString().slice(0, 10);
  const idleFrom = addDays(today, 1 - of.idleClicksOfLastDays);
  return daysFromTo(addDays(today, 1 - of.lastDays), today)
    .flatMap((day) => webhooksOfDay(client, day, day >= idleFrom))
    .filter(({ at }) => Date.parse(at) <= now)
    .map(({ body }) => body);
}

async function send(
  queue: string[],
  { url, connections, retryMs }: z.output<typeof order>,
  sending: Sending,
): Promise<void> {
  const started = performance.now();
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let next = 0;
  const lane = async () => {
    while (next < queue.length) {
      const body = queue[next] ?? "";
      next += 1;
      for (;;) {
        const status = await post(url, body, agent);
        sending.statuses[status] = (sending.statuses[status] ?? 0) + 1;
        if (status === "200") break;
        sending.failed += 1;
        await wait(retryMs);
      }
      sending.accepted += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
  agent.destroy();
  sending.tookMs = Math.round(performance.now() - started);
}

function post(url: string, body: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request(
      url,
      {
        method: "POST",
        agent,
        timeout: 5_000,
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          [originHeader]: "sandbox",
        },
      },
      (answer) => {
        answer.resume();
        answer.on("end", () => resolve(String(answer.statusCode)));
        answer.on("error", () => resolve("cut off"));
      },
    );
    outgoing.on("timeout", () => outgoing.destroy());
    outgoing.on("error", () => resolve("no answer"));
    outgoing.end(body);
  });
}
