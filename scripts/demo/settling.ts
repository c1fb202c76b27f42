import { addDays, clockTime, hourAt } from "../../core/days.ts";
import { chance } from "../../sandbox/chance.ts";
import { dayBefore, zone, type Demo, type Show } from "./demo.ts";
import { deleteDay } from "./histories.ts";
import { backfillDays, dateReadings, faultsWhile, nextMorning, type Fault } from "./readings.ts";

/** Days whose amounts are corrected long after, by how long ago they are: their areas say how. */
export const restatedAgo = { spend: [2, 5, 9, 16, 33], results: [3, 8, 20], findings: [12, 15, 19] } as const;
/** Days that were read while they ran, the same weekday of the last weeks among them. */
const runningAgo = { first: 7, last: 35 };
/** Days whose last conversions were approved some days later; younger ones still go on. */
const approvedAgo = { first: 8, last: 49 };

/** What a feed said of days at one moment of each of them. */
export interface Look {
  show: string;
  days: readonly string[];
  fault: (day: string) => Fault | null;
  at: (day: string) => Date;
}

/**
 * What history needs for today and yesterday to be measured by: past days as they stood at the present hour and the next,
 * and in their next morning. Each look is a backfill, dated as the run that would have read it.
 */
export function runningLooks({ demo, days, share }: { demo: Demo; days: readonly string[]; share: Share }): Look[] {
  const running = among(demo, days, runningAgo);
  const present = hourAt(demo.now, zone);
  return [present, present + 1]
    .filter((hour) => hour > 0 && hour < 24)
    .map((hour) => ({
      show: `as they stood at ${hour}:00`,
      days: running,
      fault: (day) => ({ kind: "so_far", share: Math.min(1, (hour / 24) * share(day)) }),
      at: (day) => clockTime(day, hour, 0, zone),
    }));
}
type Share = (day: string) => number;

/** Days that the stack has read long after, when it was started, are read as they grew instead. */
export async function deleteLateDays(demo: Demo, source: string): Promise<void> {
  const { client, context, today } = demo;
  const { rows } = await (
    await context.database()
  ).query<{ day: string }>(
    `select slice as day from ops.receipts where _client_id = $1 and source = $2 and slice between $3 and $4
      group by 1 having min(fetched_at) > (slice::date + 2)::timestamp at time zone $5 and bool_and(origin = 'sandbox')`,
    [client, source, addDays(today, -runningAgo.last), addDays(today, -runningAgo.first), zone],
  );
  const days = among(
    demo,
    rows.map(({ day }) => day),
    runningAgo,
  );
  await Promise.all(days.map((day) => deleteDay(demo, { source, day })));
}

/** The next morning: some conversions are not approved yet. */
export function morningLook({ demo, days }: { demo: Demo; days: readonly string[] }): Look {
  const { client } = demo;
  return {
    show: "as they stood in the next morning",
    days: among(demo, days, approvedAgo),
    // One in 12 to 40.
    fault: (day) => ({
      kind: "set_status",
      status: "pending",
      every: 12 + Math.floor(chance("pending", client, day) * 29),
    }),
    at: (day) => nextMorning(demo, day),
  };
}

/** By when the last ones are approved: two mornings after, at times three. */
export function approvedAt(demo: Demo, day: string): Date {
  return nextMorning(demo, addDays(day, chance("approved", demo.client, day) < 0.8 ? 1 : 2));
}

export async function readLooks(
  demo: Demo,
  feed: { vendor: string; source: string },
  looks: readonly Look[],
  show: Show,
): Promise<void> {
  for (const { days, fault, at, show: text } of looks) {
    show(`${days.length} days ${text}`);
    const faults = days.flatMap((day) => {
      const found = fault(day);
      return found === null ? [] : [{ day, fault: found }];
    });
    await faultsWhile(demo, feed.vendor, faults, () => backfillDays(demo, feed.source, days));
    await dateReadings(demo, feed.source, new Map(days.map((day) => [day, at(day)])));
  }
}

function among(demo: Demo, days: readonly string[], { first, last }: { first: number; last: number }): string[] {
  const others = new Set(
    Object.values(restatedAgo)
      .flat()
      .map((ago) => dayBefore(demo, ago)),
  );
  const [from, to] = [addDays(demo.today, -last), addDays(demo.today, -first)];
  return days.filter((day) => day >= from && day <= to && !others.has(day));
}
