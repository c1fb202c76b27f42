import { presentMs } from "../clock.ts";
import {
  graphError,
  graphFrame,
  graphNode,
  graphPage,
  pageAsked,
  unknownObject,
  usedPercent,
} from "../graph-answers.ts";
import { digitsByChance, postByChance, type PlayedPost } from "../recon-model.ts";
import { createShareLinks } from "../share-links.ts";
import {
  json,
  type JsonObject,
  type Surroundings,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
} from "../vendor.ts";

const CAMPAIGNS_OF_A_CLIENT = 8;

/** Meta's ad insights as of vendors.md, section 6c: every number as text, what is none left out, throttling as 400. */
export function createMetaAds({ clock, posts }: Surroundings): Vendor {
  const nowMs = () => presentMs(clock.settings());
  const links = createShareLinks((_, path) => {
    const code = /^\/(?:share\/(?:[prv]\/)?)?([\w-]+)$/.exec(path)?.[1];
    const post = code === undefined ? undefined : posts.byShareCode("meta", code);
    return post === undefined
      ? null
      : `https://www.facebook.com/adsmanager/manage/campaigns?selected_campaign_ids=${post.id}`;
  });

  /** Campaigns are of a client's ad account; those set without an owner are open to every token. */
  function campaignsOf(client: string): PlayedPost[] {
    const made = Array.from({ length: CAMPAIGNS_OF_A_CLIENT }, (_, index) => {
      const id = `12021${digitsByChance(13, "campaign", client, index)}`;
      return posts.find("meta", id) ?? postByChance("meta", id, client, nowMs());
    });
    const set = posts.list("meta").filter(({ owner }) => owner === null || owner === client);
    return [...set, ...made.filter((post) => !set.includes(post))];
  }

  function handle(request: VendorRequest): VendorAnswer {
    const { url } = request;
    if (links.isLink(url.pathname)) return links.answer(request.method, url);
    const asked = graphNode(request);
    if ("refused" in asked) return asked.refused;
    const { client, key, node, edge } = asked;
    if (node === "me") return json(200, { id: digitsByChance(15, "person", client) });
    const campaign = campaignsOf(client).find(({ id }) => id === node);
    if (campaign === undefined) return unknownObject(node);
    if (edge === undefined) return json(200, described(campaign));
    if (edge !== "insights") return unknownObject(node);
    if (url.searchParams.get("fields") === null) return graphError(100, "(#100) fields is required");
    const page = pageAsked(url);
    if (Number.isNaN(page)) return graphError(100, "(#100) Invalid cursor");
    // Nothing delivered is no row.
    const hasRow = campaign.state !== "deleted" && campaign.views > 0 && posts.isReady(campaign);
    const perPage = Number(url.searchParams.get("limit") ?? 25);
    return graphPage(hasRow ? [campaign] : [], insight, { url, key, page, perPage });
  }

  return {
    name: "meta_ads",
    ...graphFrame,
    repage: (request, { page }) => {
      const url = new URL(request.url);
      if (page !== undefined) url.searchParams.delete("after");
      return { ...request, url };
    },
    handle,
    limits: {
      documented: { perMinute: 300, perSecond: null, countTwice: false },
      counts: ({ url }) => url.pathname.endsWith("/insights"),
      sayWhen: false,
      headers: ({ limits, remainingThisMinute, admitted }): Record<string, string> => {
        if (limits.perMinute === null) return {};
        const percent = usedPercent(limits.perMinute, remainingThisMinute);
        const usage = { type: "ads_insights", call_count: percent, total_cputime: 4, total_time: 7 };
        return {
          // Minutes here, and nothing but percents there.
          "X-Business-Use-Case-Usage": JSON.stringify({
            "1000000001": [{ ...usage, estimated_time_to_regain_access: admitted ? 0 : 1 }],
          }),
          "X-FB-Ads-Insights-Throttle": JSON.stringify({ app_id_util_pct: percent, acc_id_util_pct: percent }),
        };
      },
    },
    refusals: {
      ...graphFrame.refusals,
      rateLimited: (_, policy) =>
        policy === "user"
          ? graphError(17, "(#17) User request limit reached", { subcode: 2446079 })
          : graphError(80004, "(#80004) There have been too many calls to this ad-account.", { subcode: 2446079 }),
    },
    dump: ({ client }) => campaignsOf(client).map((post) => ({ ...post })),
    control: links.control,
  };
}

function described(campaign: PlayedPost): JsonObject {
  return {
    id: campaign.id,
    effective_status: campaign.state === "deleted" ? "DELETED" : "ACTIVE",
    created_time: campaign.postedAt.replace(/\.\d+Z$/, "+0000"),
  };
}

function insight(post: PlayedPost): JsonObject {
  const action = (type: string, value: number): JsonObject[] =>
    value === 0 ? [] : [{ action_type: type, value: String(value) }];
  const actions = [
    ...action("link_click", post.clicks),
    ...action("post_engagement", post.clicks + post.likes),
    ...action("purchase", post.conversions),
    // The same purchases once more under another name.
    ...action("omni_purchase", post.conversions),
  ];
  return {
    account_id: `1${digitsByChance(14, "act", post.owner ?? "")}`,
    campaign_id: post.partOf.at(-1) ?? post.id,
    ...(post.partOf.length === 0 ? {} : { adset_id: post.partOf.length === 2 ? post.partOf[0] : post.id }),
    account_currency: post.currency,
    impressions: String(post.views),
    reach: String(Math.floor(post.views * 0.8)),
    clicks: String(post.clicks + post.likes),
    spend: post.spend,
    ...(actions.length === 0 ? {} : { actions }),
    date_start: post.postedAt.slice(0, 10),
    date_stop: post.postedAt.slice(0, 10),
  };
}
