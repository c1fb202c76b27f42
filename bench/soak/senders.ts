import { rename } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { addDays } from "../../core/days.ts";
import { streamOf, webhookBody } from "../../sandbox/anytrack-data.ts";
import { sumMoney } from "../../core/money.ts";
import { writePerformanceFile } from "../performance-files.ts";
import { adId, seen, type ReconStack } from "../recon-stack.ts";
import type { Timings } from "./timings.ts";

export interface Sending {
  /** Where the APIs answer; whoever gets no answer of one asks the next. */
  apis: readonly string[];
  timings: Timings;
  isOver: () => boolean;
}

/** One after the other, and on to the next API after a failure: as behind a load balancer. */
function createSender({ apis, timings, isOver }: Sending, what: string, pauseMs: number) {
  let turn = 0;
  return {
    ask: <Answer>(work: (api: string) => Promise<Answer | null>) =>
      timings.ask(
        what,
        () => work(apis[turn++ % apis.length] ?? ""),
        () => wait(50),
      ),
    loop: async (work: (count: number) => Promise<void>) => {
      for (let count = 1; !isOver(); count += 1) {
        await work(count);
        await wait(pauseMs);
      }
    },
  };
}

const json = { "content-type": "application/json" };
const patience = () => AbortSignal.timeout(5_000);

/** Conversions by webhook: how many, and their cents. */
export async function sendConversions(of: Sending, secret: string, sent: { count: number; cents: number }) {
  const { ask, loop } = createSender(of, "conversion", 250);
  await loop(async (batch) => {
    for (const conversion of streamOf("713", `soak-${batch}`, 5, "2026-03-08T12:00:00Z")) {
      const body = JSON.stringify(webhookBody(conversion));
      await ask((api) =>
        fetch(`${api}/hooks/anytrack/${secret}`, { method: "POST", headers: json, body, signal: patience() }).then(
          async (answer) => (await answer.arrayBuffer(), answer.status === 200 ? true : null),
          () => null,
        ),
      );
      sent.count += 1;
      sent.cents += conversion.cents;
    }
  });
}

/** Impressions and clicks with ids of their own, until each is recorded. */
export async function sendEvents(of: Sending, lane: number, recorded: Set<string>) {
  const { ask, loop } = createSender(of, "event", 40);
  await loop(async (count) => {
    const id = `soak-${lane}-${count}`;
    const isClick = count % 2 === 0;
    const variation = [11, 11, 12, 21, 22][count % 5] ?? 11;
    const about = { event_id: id, variation_id: variation };
    const body = JSON.stringify(
      isClick
        ? { ...about, ip_address: `198.51.100.${count % 250}`, user_agent: "Mozilla/5.0 (X11; Linux x86_64)" }
        : { ...about, offer_id: variation < 20 ? 1 : 2 },
    );
    await ask((api) =>
      fetch(`${api}/api/v1/promo/track-${isClick ? "click" : "impression"}`, {
        ...{ method: "POST", headers: json, body, signal: patience() },
      }).then(
        async (answer) => {
          const said = (await answer.text()) || "{}";
          const isKept = answer.status === 204 || (answer.status === 503 && JSON.parse(said).recorded === true);
          return isKept ? true : null;
        },
        () => null,
      ),
    );
    recorded.add(id);
  });
}

/** Claims that are true, each of a post of its own. */
export async function sendClaims(of: Sending, recon: ReconStack, taken: Set<string>) {
  const { ask, loop } = createSender(of, "submission", 1_000);
  await loop(async (count) => {
    const affiliate = recon.affiliates[count % recon.affiliates.length];
    if (affiliate === undefined) throw new Error("no affiliate");
    const ad = adId(count);
    await recon.playAds([ad]).catch(() => undefined);
    const answer = await ask(async (api) => {
      const given = await recon.submit({ affiliate, ad, views: seen, idempotencyKey: `soak-${count}`, api });
      return given !== null && given.status < 300 ? given : null;
    });
    taken.add(answer.reportId);
  });
}

/** A person who looks at one page after the other. */
export async function lookAtPages(of: Sending, cookie: string, pages: readonly string[]) {
  const { ask, loop } = createSender(of, "page", 400);
  await loop(async (count) => {
    const page = pages[count % pages.length] ?? "/";
    await ask((api) =>
      fetch(api + page, { headers: { cookie }, redirect: "manual", signal: AbortSignal.timeout(20_000) }).then(
        async (answer) => (await answer.arrayBuffer(), answer.status === 200 ? true : null),
        () => null,
      ),
    );
  });
}

export interface SentFiles {
  /** The spend of each day's latest file. */
  spend: Map<string, string>;
  rowsOfDay: number;
  names: string[];
}

/** A file of a day at a time; every third restates the day two before it. The next comes when the one before is in. */
export async function dropFiles(
  of: Sending,
  { importDir, isIn }: { importDir: string; isIn: (name: string) => Promise<boolean> },
  sent: SentFiles,
) {
  const { loop } = createSender(of, "file", 1_000);
  await loop(async (count) => {
    const isRestated = count % 3 === 0;
    const day = addDays("2025-01-01", isRestated ? count - 2 : count);
    const name = `soak-${count}.csv`;
    const hidden = path.join(importDir, `.${name}.part`);
    const { sum } = await writePerformanceFile(hidden, {
      ...{ rows: sent.rowsOfDay, creatives: 500, days: 1, lastDay: day, seed: 7, changed: isRestated ? 0.5 : 0 },
    });
    await rename(hidden, path.join(importDir, name));
    sent.names.push(name);
    sent.spend.set(day, sum.spend);
    while (!(await isIn(name))) await wait(500);
  });
}

/** What was sent, to be found again. */
export interface Sent {
  conversions: { count: number; cents: number };
  events: Set<string>;
  reports: Set<string>;
  files: SentFiles;
}

export const spendOf = ({ spend }: SentFiles): string => sumMoney([...spend.values()]);
