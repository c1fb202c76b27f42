import { chance } from "../../sandbox/chance.ts";
import { clockTime, hourAt } from "../../core/days.ts";
import { trafficSources } from "../../sandbox/redtrack-sources.ts";
import { dayBefore, zone, type Area, type Demo, type Show } from "./demo.ts";
import {
  dateReading,
  isRestated,
  missingDays,
  nextMorning,
  readDay,
  readDayInRun,
  readDays,
  wasTroubled,
  withFault,
} from "./readings.ts";
import { deleteLateDays, readLooks, restatedAgo, runningLooks } from "./settling.ts";
import { deleteDay, isFollowed } from "./histories.ts";

const source = "redtrack.daily_spend";
const byCampaign = "redtrack.campaign_spend";
const vendor = "redtrack";

/** When the schedule reads: by the hour, from the first to the last. */
const firstHour = 7;
const lastHour = 23;
/** Days that are read while they grow, by how long ago they are, and every how many hours, the present one and the next among them. */
const followed: readonly (readonly [ago: number, everyHours: number])[] = [
  [1, 4],
  [0, 1],
];
/** Older than the window that scheduled runs read again: it stays failed until a person looks. */
const failed = 6;
const unreconciled = 11;

/** Redtrack's spend of every day, some days as they grew, some corrected, one failed and one that does not add up. */
export const spend: Area = {
  name: "spend",
  vendors: [vendor],
  counted: "select count(*)::int as rows from redtrack.daily_spend where _client_id = $1 and date between $2 and $3",
  async fill(demo, show) {
    // Each day has its own readings and faults: what they wait for is the account's pace alone.
    await Promise.all([
      ...followed.map(([ago, everyHours]) => follow(demo, show, { ago, everyHours })),
      ...restatedAgo.spend.map((ago) => restate(demo, show, ago)),
    ]);
    await readMissing(demo, show);
    await trouble(demo, show);
  },
};

/** Of past days, how far their spend was at an hour, against the share of the day that was over. */
const paceOf = ({ client }: Demo, day: string) => 0.93 + chance("pace", client, day) * 0.14;

/** Days that were never read: some as they stood at the present hour, then all as the next morning's run reads them, also by campaign. */
async function readMissing(demo: Demo, show: Show): Promise<void> {
  await deleteLateDays(demo, source);
  const days = await missingDays(demo, source);
  const at = (day: string) => nextMorning(demo, day);
  const readWhole = async (of: string, some: string[]) => readDays(demo, { source: of, days: some, at }, show);
  await readLooks(demo, { vendor, source }, runningLooks({ demo, days, share: (day) => paceOf(demo, day) }), show);
  await readWhole(source, days);
  await readWhole(byCampaign, await missingDays(demo, byCampaign));
}

/** The hours of the schedule that a day is read in, of those that are over; counted from the present one. */
export function hoursToRead(day: string, everyHours: number, now: Date): number[] {
  const present = hourAt(now, zone);
  return Array.from({ length: lastHour - firstHour + 1 }, (_, index) => firstHour + index).filter(
    (hour) => ((hour - present) % everyHours === 0 || hour === present + 1) && clockTime(day, hour, 0, zone) <= now,
  );
}

/** Reads a day as it stood hour after hour, and then whole. */
async function follow(demo: Demo, show: Show, of: { ago: number; everyHours: number }): Promise<void> {
  const day = dayBefore(demo, of.ago);
  if (day === null) return;
  const at = (hour: number) => clockTime(day, hour, 0, zone);
  const hours = hoursToRead(day, of.everyHours, demo.now);
  const place = { source, day };
  const [first] = hours;
  if (first === undefined || (await isFollowed(demo, place, at(firstHour + of.everyHours)))) return;
  await deleteDay(demo, place);
  for (const hour of hours) {
    show(`${day} as it stood at ${hour}:00`);
    await withFault(demo, { vendor, day, kind: "so_far", share: hour / 24 }, () => readDay(demo, place, true));
    await dateReading(demo, place, at(hour));
  }
  await readDay(demo, place);
  // The first run of the next day has read it whole.
  const next = nextMorning(demo, day);
  if (next < demo.now) await dateReading(demo, place, next);
}

/** The vendor said something else first, and has corrected it by now. */
async function restate(demo: Demo, show: Show, ago: number): Promise<void> {
  const { client, context, now } = demo;
  const day = dayBefore(demo, ago);
  if (day === null) return;
  const place = { source, day };
  if (await isRestated(await context.database(), client, place)) return;
  show(`${day} is corrected by the vendor`);
  await deleteDay(demo, place);
  const [largest, second] = trafficSources(client);
  const multiply = (0.9 + chance("restated", client, day) * 0.17).toFixed(4);
  await withFault(demo, { vendor, day, kind: "restate", sourceId: largest?.id ?? "", multiply }, () =>
    withFault(demo, { vendor, day, kind: "restate", sourceId: second?.id ?? "", multiply: "0.985" }, () =>
      readDay(demo, place),
    ),
  );
  const before = nextMorning(demo, day);
  await dateReading(demo, place, before < now ? before : now);
  await readDay(demo, place);
}

/** One day whose second reading cannot be read, and one that does not add up to the vendor's total. What is stored stays. */
async function trouble(demo: Demo, show: Show): Promise<void> {
  const { client, context } = demo;
  const database = await context.database();
  const faults = [
    [failed, { kind: "rename_field", field: "cost", to: "spend" }],
    [unreconciled, { kind: "total_off", amount: 125.4 }],
  ] as const;
  for (const [ago, fault] of faults) {
    const day = dayBefore(demo, ago);
    if (day === null || (await wasTroubled(database, client, { source, day }))) continue;
    show(`${day} is read again and fails`);
    await withFault(demo, { vendor, day, ...fault }, () => readDayInRun(demo, { source, day }));
  }
}
