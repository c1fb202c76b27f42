import { dayBefore, type Area, type Demo, type Show } from "./demo.ts";
import { deleteDay } from "./histories.ts";
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
import { approvedAt, deleteLateDays, morningLook, readLooks, restatedAgo, runningLooks } from "./settling.ts";

const vendor = "everflow";
const stats = "everflow.daily_stats";
const conversions = "everflow.conversions";

/** Older than the window that scheduled runs read again. */
const failed = 17;

/** Everflow's statistics and conversions of every day, some approved later, one day that failed. */
export const everflow: Area = {
  name: "everflow",
  vendors: [vendor],
  counted: `select (select count(*) from everflow.daily_stats where _client_id = $1 and date between $2 and $3)::int
                 + (select count(*) from everflow.conversions where _client_id = $1 and _slice between $2::text and $3::text)::int as rows`,
  async fill(demo, show) {
    await Promise.all(restatedAgo.results.map((ago) => restate(demo, show, ago)));
    await readMissing(demo, show);
    await fail(demo, show);
  },
};

/**
 * Days that were never read: statistics as they stood at the present hour, in the next morning and when all was approved.
 * Conversions are stored as they are in the end: of days that are not themselves, not before.
 */
async function readMissing(demo: Demo, show: Show): Promise<void> {
  await deleteLateDays(demo, stats);
  const days = await missingDays(demo, stats);
  const morning = morningLook({ demo, days });
  const looks = [...runningLooks({ demo, days, share: () => 1 }), morning];
  const looked = new Set(looks.flatMap((look) => look.days));
  const all = await missingDays(demo, conversions);
  const readConversions = (some: string[]) =>
    readDays(demo, { source: conversions, days: some, at: (day) => nextMorning(demo, day) }, show);
  await Promise.all([
    readConversions(all.filter((day) => !looked.has(day))),
    readLooks(demo, { vendor, source: stats }, looks, show),
  ]);
  const late = new Set(morning.days);
  const at = (day: string) => (late.has(day) ? approvedAt(demo, day) : nextMorning(demo, day));
  await Promise.all([
    readConversions(all.filter((day) => looked.has(day))),
    readDays(demo, { source: stats, days, at }, show),
  ]);
}

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
  const before = nextMorning(demo, day);
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
