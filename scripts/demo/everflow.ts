import { addDays, clockTime } from "../../core/days.ts";
import { dayBefore, zone, type Area, type Demo, type Show } from "./demo.ts";
import { deleteDay } from "./histories.ts";
import { dateReading, isRestated, readDay, readDayInRun, readMissingDays, wasTroubled, withFault } from "./readings.ts";

const vendor = "everflow";
const stats = "everflow.daily_stats";
const conversions = "everflow.conversions";

/** Days of which some conversions were approved later. */
const restated = [3, 8, 20];
/** Older than the window that scheduled runs read again. */
const failed = 17;

/** Everflow's statistics and conversions of every day, some approved later, one day that failed. */
export const everflow: Area = {
  name: "everflow",
  vendors: [vendor],
  counted: `select (select count(*) from everflow.daily_stats where _client_id = $1 and date between $2 and $3)::int
                 + (select count(*) from everflow.conversions where _client_id = $1 and _slice between $2::text and $3::text)::int as rows`,
  async fill(demo, show) {
    await Promise.all(restated.map((ago) => restate(demo, show, ago)));
    await Promise.all([stats, conversions].map((source) => readMissingDays(demo, source, show)));
    await fail(demo, show);
  },
};

async function restate(demo: Demo, show: Show, ago: number): Promise<void> {
  const { client, context, now } = demo;
  const day = dayBefore(demo, ago);
  if (day === null || (await isRestated(await context.database(), client, { source: stats, day }))) return;
  show(`${day} has conversions that were approved later`);
  const both = (what: (place: { source: string; day: string }) => Promise<void>) =>
    Promise.all([stats, conversions].map((source) => what({ source, day })));
  await both((place) => deleteDay(demo, place));
  await withFault(demo, { vendor, day, kind: "set_status", status: "pending", every: 9 }, () =>
    both((place) => readDay(demo, place)),
  );
  const before = clockTime(addDays(day, 1), 7, 0, zone);
  await both((place) => dateReading(demo, place, before < now ? before : now));
  await both((place) => readDay(demo, place));
}

async function fail(demo: Demo, show: Show): Promise<void> {
  const { client, context } = demo;
  const day = dayBefore(demo, failed);
  if (day === null) return;
  const place = { source: conversions, day };
  if (await wasTroubled(await context.database(), client, place)) return;
  show(`${day} is read again and fails`);
  await withFault(demo, { vendor, day, kind: "rename_field", field: "conversion_id", to: "id" }, () =>
    readDayInRun(demo, place),
  );
}
