import { trafficSources } from "../../sandbox/redtrack-sources.ts";
import { dayBefore, type Area, type Demo, type Show } from "./demo.ts";
import { readDay } from "./readings.ts";
import { until } from "./upload.ts";

const source = "redtrack.daily_spend";
const comparison = "/tie-out/comparison";

/** Older than what scheduled runs read again. */
const countedAgo = [4, 5, 6];

/** Affiliates of Everflow whose spend is the source's at this place, and by how many Redtrack counts otherwise than it, day by day. */
const mapped = [
  { affiliateId: "1011", place: 0, apart: [-3, 0, 1] },
  { affiliateId: "1012", place: 1, apart: [0, -2, 0] },
  { affiliateId: "1013", place: 2, apart: [0, 0, -1] },
];

/** Redtrack counts the conversions of some days as Everflow has them, but for a few; AnyTrack's come with the area of its own. */
export const tieOut: Area = {
  name: "tie-out",
  vendors: ["redtrack", "everflow"],
  joinsNoReal: true,
  needsHook: true,
  counted:
    "select count(*)::int as rows from findings.tie_out_days where _client_id = $1 and date between $2::date and $3::date",
  async fill(demo, show) {
    for (const [index, ago] of countedAgo.entries()) await count(demo, show, { index, ago });
    await compare(demo, show);
  },
};

async function count(demo: Demo, show: Show, { index, ago }: { index: number; ago: number }): Promise<void> {
  const { client, context, stack } = demo;
  const day = dayBefore(demo, ago);
  if (day === null) return;
  const database = await context.database();
  const wanted: { sourceId: string; conversions: number }[] = [];
  for (const { affiliateId, place, apart } of mapped) {
    const sourceId = trafficSources(client)[place]?.id ?? "";
    const { rows } = await database.query<{ everflow: number; redtrack: number | null }>(
      `select (select count(*) from everflow.conversions where _client_id = $1 and date = $2 and affiliate_id = $3 and not is_event and revenue >= 0 and payout >= 0 and status not in ('rejected', 'invalid'))::int as everflow,
              (select conversions from redtrack.daily_spend where _client_id = $1 and date = $2 and source_id = $4)::int as redtrack`,
      [client, day, affiliateId, sourceId],
    );
    const conversions = Math.max(0, (rows[0]?.everflow ?? 0) + (apart[index] ?? 0));
    if (rows[0]?.redtrack !== null && rows[0]?.redtrack !== conversions) wanted.push({ sourceId, conversions });
  }
  if (wanted.length === 0) return;
  show(`${day}: Redtrack counts what Everflow has`);
  for (const one of wanted)
    await stack.sandbox("POST", "/faults", {
      ...{ vendor: "redtrack", kind: "restate", match: { client, day } },
      ...one,
    });
  await readDay(demo, { source, day });
}

async function compare({ stack }: Demo, show: Show): Promise<void> {
  show("comparing");
  const lastAt = async () => (await stack.api<{ last: { at: string } | null }>("GET", comparison)).last?.at ?? null;
  const before = await lastAt();
  await stack.api("POST", comparison);
  await until(async () => (await lastAt()) !== before, "conversions were not compared");
}
