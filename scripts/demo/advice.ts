import { addDays } from "../../core/days.ts";
import { putCampaigns } from "../../queries/rtb/campaigns.ts";
import { mergeCreatives } from "../../queries/rtb/merge-creatives.ts";
import { canonicalSize } from "../../rules/rtb/sizes.ts";
import { adviceCampaigns, adviceLines, adviceQuality, adviceSeat, followed } from "./advice-campaigns.ts";
import type { Area, Demo } from "./demo.ts";
import { performanceColumns } from "./performance.ts";
import { qualityHeader } from "./reports.ts";
import { until, upload } from "./upload.ts";

/** Advice is followed so many days before today: four whole weeks of what came of it are over. */
const followedDaysAgo = 28;

interface Named {
  campaignId: number;
  campaignName: string;
}
interface Listed {
  items: { opportunityId: number; campaignName: string | null; geography: string | null; state: string }[];
}

/** Campaigns in which something could be bought for less; the advice for one of them was followed four weeks ago. */
export const adviceArea: Area = {
  name: "advice",
  vendors: ["authorized_buyers"],
  joinsNoReal: true,
  counted: `select count(*)::int as rows from rtb.campaigns where _client_id = $1 and $2::date <= $3::date
              and campaign_name in (${adviceCampaigns.map(({ name }) => `'${name}'`).join(", ")})`,
  async fill(demo, show) {
    show("campaigns");
    await makeCampaigns(demo);
    const over = demo.days.filter((day) => day < demo.today);
    const followedOn = addDays(demo.today, -followedDaysAgo);
    const before = over.filter((day) => day < followedOn);
    const since = over.filter((day) => day >= followedOn);
    await uploadDays(demo, show, before);
    if (before.length > 0) await follow(demo, show, followedOn);
    await uploadDays(demo, show, since);
  },
};

/** After everything else has come: the opportunities as they are today. */
export const searchArea: Area = {
  name: "opportunities",
  vendors: ["authorized_buyers"],
  joinsNoReal: true,
  // A few days are enough for prices by country, and too few for advice.
  counted: `select (select count(*) from rtb.opportunities where _client_id = $1 and state <> 'gone')::int
                 + (select count(*) from rtb.geographic_cells where _client_id = $1 and $2::date <= $3::date)::int as rows`,
  fill: search,
};

/** What takes longer than the answer waits goes on behind it. */
interface Searched {
  state?: "running";
}

async function search({ stack }: Demo, show: (text: string) => void): Promise<void> {
  show("looking for opportunities");
  const last = async () =>
    (await stack.api<{ last: { at: string } | null }>("GET", "/rtb/opportunities/search")).last?.at ?? "";
  const before = await last();
  const { state } = await stack.api<Searched>("POST", "/rtb/opportunities/search");
  if (state === "running") await until(async () => (await last()) > before, "opportunities were not looked for");
}

/** Straight into the tables: what comes over HTTP counts as real. */
async function makeCampaigns({ context, client, stack }: Demo): Promise<void> {
  const database = await context.database();
  await mergeCreatives(database, {
    client,
    origin: "sandbox",
    rows: adviceCampaigns.flatMap(({ creatives }) =>
      creatives.map(({ id, size }) => {
        const [width, height] = size.split("x").map(Number);
        const shape = { format: "HTML", width: width ?? null, height: height ?? null };
        const named = canonicalSize(shape);
        return {
          ...{ creativeId: id, buyerId: adviceSeat, ...shape },
          ...{ canonicalSize: named?.canonical ?? null, sizeCategory: named?.category ?? null },
        };
      }),
    ),
  });
  await putCampaigns(database, {
    client,
    origin: "sandbox",
    waitMs: 20_000,
    rows: adviceCampaigns.map(({ name, creatives }) => ({
      campaignName: name,
      creativeIds: creatives.map(({ id }) => `buyers/${adviceSeat}/creatives/${id}`),
    })),
  });
  const { items } = await stack.api<{ items: Named[] }>("GET", "/rtb/campaigns?limit=500");
  for (const { name, genre } of adviceCampaigns) {
    const campaign = items.find(({ campaignName }) => campaignName === name);
    if (campaign !== undefined) await stack.api("PATCH", `/rtb/campaigns/${campaign.campaignId}`, { body: { genre } });
  }
}

async function uploadDays(demo: Demo, show: (text: string) => void, days: readonly string[]): Promise<void> {
  const followedOn = addDays(demo.today, -followedDaysAgo);
  const period = `${days[0] ?? "none"}-to-${days.at(-1) ?? "none"}`;
  await upload(demo, show, {
    name: `demo-advice-quality-${period}.csv`,
    header: qualityHeader,
    lines: days.flatMap((day) => adviceQuality(day, day >= followedOn)),
  });
  await upload(demo, show, {
    name: `demo-advice-${period}.csv`,
    header: performanceColumns,
    lines: days.flatMap((day) => adviceLines(day, day >= followedOn)),
  });
}

/** Marks the advice of one campaign as done, on the day from which its budget is raised. */
async function follow(demo: Demo, show: (text: string) => void, doneOn: string): Promise<void> {
  const { stack } = demo;
  const found = async () =>
    (await stack.api<Listed>("GET", "/rtb/opportunities?state=all&type=undervalued_geo&limit=500")).items.find(
      ({ campaignName, geography }) => campaignName === followed.campaign && geography === followed.geography,
    );
  if ((await found()) === undefined) await search(demo, show);
  const advice = await found();
  if (advice === undefined || advice.state === "done") return;
  await stack.api("POST", `/rtb/opportunities/${advice.opportunityId}/state`, {
    body: { state: "done", done_on: doneOn, reason: "The budget of Poland was raised fivefold." },
  });
}
