import { trafficSources } from "../../sandbox/redtrack-sources.ts";
import { dayBefore, type Area, type Demo, type Show } from "./demo.ts";
import { isRestated, readDay } from "./readings.ts";
import { restatedAgo } from "./settling.ts";
import { until } from "./upload.ts";

const source = "redtrack.daily_spend";

interface Plant {
  ago: number;
  place: number;
  fault: Record<string, string | number>;
}

/** What the vendor says of one source on one day, by how long ago that is; older than what scheduled runs read again. */
const [noClicks, noCost, dear] = restatedAgo.findings;
const planted: readonly Plant[] = [
  { ago: noClicks, place: 1, fault: { clicks: 0 } },
  { ago: noCost, place: 2, fault: { cost: "0" } },
  { ago: dear, place: 0, fault: { multiply: "4" } },
];

/** A day that was paid without clicks, one that had clicks for nothing, and one that was dear. The sandbox keeps to it. */
export const findings: Area = {
  name: "findings",
  vendors: ["redtrack", "everflow"],
  joinsNoReal: true,
  counted: `select (select count(*) from findings.findings where _client_id = $1)::int
                 + (exists (select from findings.finding_runs where _client_id = $1 and $2::date <= $3::date))::int as rows`,
  async fill(demo, show) {
    let isNew = false;
    for (const one of planted) isNew = (await plant(demo, show, one)) || isNew;
    if (isNew || (await lastSearch(demo)) === null) await search(demo, show);
  },
};

async function plant(demo: Demo, show: Show, { ago, place, fault }: Plant): Promise<boolean> {
  const { client, context, stack } = demo;
  const day = dayBefore(demo, ago);
  const sourceId = trafficSources(client)[place]?.id;
  if (day === null || sourceId === undefined) return false;
  if (await isRestated(await context.database(), client, { source, day })) return false;
  show(`${day} does not add up`);
  await stack.sandbox("POST", "/faults", {
    ...{ vendor: "redtrack", kind: "restate", match: { client, day } },
    ...{ sourceId, ...fault },
  });
  await readDay(demo, { source, day });
  return true;
}

async function lastSearch({ stack }: Demo): Promise<string | null> {
  return (await stack.api<{ last: { at: string } | null }>("GET", "/findings/search")).last?.at ?? null;
}

async function search(demo: Demo, show: Show): Promise<void> {
  show("looking for findings");
  const before = await lastSearch(demo);
  const { state } = await demo.stack.api<{ state?: string }>("POST", "/findings/search");
  if (state === "running") await until(async () => (await lastSearch(demo)) !== before, "findings were not looked for");
}
