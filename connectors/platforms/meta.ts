import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { sumMoney } from "../../core/money.ts";
import { describeIssues } from "../../core/typed.ts";
import { bareId, postAt, shareLink, type Page, type PostAddress } from "../../rules/recon/post-url.ts";
import { ConnectorError } from "../errors.ts";
import { count, money } from "../fields.ts";
import type { Http } from "../http.ts";
import type { Vendor } from "../source.ts";
import { bearer, classifyGraph, graphQuota, graphVersion, readGraphPage, unknownObject } from "./graph.ts";
import { linkBaseUrl, nothingVerified, postIdOf, type Platform, type PlatformAnswer } from "./platform.ts";

const secrets = z.object({
  META_ADS_ACCESS_TOKEN: z.string().min(1).meta(about("A token with ads_read.")),
});

const settings = z.object({
  META_ADS_GRAPH_VERSION: graphVersion,
  META_ADS_CONVERSION_ACTION: z
    .string()
    .regex(/^[a-z0-9_.]+$/, "must be an action type such as purchase")
    .default("purchase")
    .meta(
      about("The one action type that is a conversion: they overlap, so several would count twice.", {
        clients: "shared",
      }),
    ),
  META_ADS_LINK_BASE_URL: linkBaseUrl,
});

type Credentials = Record<string, string>;

/** "meta" is the Conversions API; this is where ads are counted. */
const vendor: Vendor<typeof secrets> = {
  name: "meta_ads",
  title: "Meta: ads",
  baseUrl: "https://graph.facebook.com",
  pace: { intervalMs: 50, concurrent: 2 },
  secrets,
  settings,
  quota: graphQuota,
  classify: classifyGraph,
  probe: ({ META_ADS_ACCESS_TOKEN }, set) => ({
    path: `/${set["META_ADS_GRAPH_VERSION"]}/me`,
    query: { fields: "id" },
    headers: bearer(META_ADS_ACCESS_TOKEN),
  }),
};

/** Ads, ad sets and campaigns, all asked alike. The numbers of an organic post are visible to its page only. */
export const meta: Platform = {
  name: "meta",
  vendor: vendor as Vendor,
  addresses: {
    hosts: /^(?:(?:www|m|mbasic|touch|web|business|adsmanager)\.)?facebook\.com$|^(?:www\.)?fb\.(?:com|watch)$/,
    example: "https://www.facebook.com/adsmanager/manage/campaigns?act=123&selected_campaign_ids=1202100000",
    read: readAddress,
  },
  hosts: [
    ...["facebook.com", "www.facebook.com", "m.facebook.com", "mbasic.facebook.com", "web.facebook.com"],
    ...["business.facebook.com", "adsmanager.facebook.com", "l.facebook.com", "lm.facebook.com"],
    ...["fb.com", "www.fb.com", "fb.me", "fb.watch"],
  ],
  verifies: ["views", "clicks", "conversions"],
  ownCredentials: ["META_ADS_ACCESS_TOKEN"],
  fetchMetrics,
};

const actions = z.array(z.object({ action_type: z.string(), value: z.unknown() })).default([]);

/** Every number is text, and what is missing is none. */
const row = z.object({
  impressions: count.default(0),
  reach: count.optional(),
  clicks: count.optional(),
  spend: money.default("0"),
  account_currency: z.string().length(3).optional(),
  campaign_id: z.string().optional(),
  actions,
});

const fields = "campaign_id,impressions,reach,clicks,spend,account_currency,actions";
/** One row holds all of an object's life, so a second page is odd and a hundredth is a loop. */
const mostPages = 20;

async function fetchMetrics({
  http,
  post,
  credentials,
}: Parameters<Platform["fetchMetrics"]>[0]): Promise<PlatformAnswer> {
  const id = postIdOf(meta, post);
  if (id === null || !/^\d{5,25}$/.test(id)) {
    return {
      kind: "metrics",
      metrics: {
        ...nothingVerified,
        hints: {},
        raw: { note: "the address names no ad, ad set or campaign: an organic post cannot be verified" },
      },
    };
  }
  try {
    const rows = await readRows(http, credentials, id);
    if (rows.length === 0) return await withoutDelivery(http, credentials, id);
    return delivered(rows, credentials, await readPartOf(http, credentials, { id, campaignId: rows[0]?.campaign_id }));
  } catch (error) {
    if (error instanceof ConnectorError && error.code === unknownObject)
      return { kind: "unknown_post", reason: "Meta knows no such ad, or the token may not see it" };
    throw error;
  }
}

async function readRows(http: Http, credentials: Credentials, id: string): Promise<z.output<typeof row>[]> {
  const rows: z.output<typeof row>[] = [];
  let after: string | null = null;
  for (let page = 0; page < mostPages; page += 1) {
    const { items, after: next }: { items: unknown[]; after: string | null } = await readGraphPage({
      http,
      path: `/${versionOf(credentials)}/${id}/insights`,
      // Of its whole life, without breakdowns: they multiply rows, and days would cut in the ad account's zone.
      query: { fields, date_preset: "maximum", limit: 500 },
      token: credentials["META_ADS_ACCESS_TOKEN"],
      after,
    });
    for (const item of items) {
      const read = row.safeParse(item);
      if (!read.success) throw new ConnectorError("malformed", `meta: ${describeIssues(read.error).join("; ")}`);
      rows.push(read.data);
    }
    if (next === null) return rows;
    after = next;
  }
  throw new ConnectorError("malformed", `meta: insights go on after ${mostPages} pages`);
}

const ofAdSet = z.object({ adset_id: z.string().optional() });

/** An ad is part of its ad set, and both are of their campaign. A campaign is not asked about ad sets, as it has many. */
async function readPartOf(
  http: Http,
  credentials: Credentials,
  { id, campaignId }: { id: string; campaignId: string | undefined },
): Promise<string[] | undefined> {
  if (campaignId === undefined || campaignId === id) return campaignId === undefined ? undefined : [];
  const { items } = await readGraphPage({
    http,
    path: `/${versionOf(credentials)}/${id}/insights`,
    query: { fields: "adset_id", date_preset: "maximum", limit: 1 },
    token: credentials["META_ADS_ACCESS_TOKEN"],
    after: null,
  });
  const adSetId = ofAdSet.safeParse(items[0]).data?.adset_id;
  return adSetId === undefined || adSetId === id ? [campaignId] : [adSetId, campaignId];
}

function delivered(
  rows: readonly z.output<typeof row>[],
  credentials: Credentials,
  partOf: readonly string[] | undefined,
): PlatformAnswer {
  const currencies = new Set(rows.map((one) => one.account_currency));
  if (currencies.size > 1) throw new ConnectorError("malformed", "meta: one ad is billed in several currencies");
  const sum = (numbers: (number | undefined)[]) => numbers.reduce<number>((total, value) => total + (value ?? 0), 0);
  const actionsOf = (type: string) =>
    sum(
      rows.flatMap((one) =>
        one.actions.filter((action) => action.action_type === type).map((action) => numberOf(type, action.value)),
      ),
    );
  const conversion = credentials["META_ADS_CONVERSION_ACTION"] ?? "purchase";
  const metrics = {
    views: sum(rows.map(({ impressions }) => impressions)),
    // All clicks would count likes and profile visits; what is claimed are visits.
    clicks: actionsOf("link_click"),
    conversions: actionsOf(conversion),
    spend: sumMoney(rows.map(({ spend }) => spend)),
    currency: [...currencies][0] ?? null,
  };
  return {
    kind: "metrics",
    metrics: {
      ...metrics,
      hints: {
        allClicks: sum(rows.map(({ clicks }) => clicks)),
        // Of several rows it would count the same people more than once.
        ...(rows.length === 1 && rows[0]?.reach !== undefined ? { reach: rows[0].reach } : {}),
      },
      ...(partOf === undefined ? {} : { partOf }),
      raw: { ...metrics, conversionAction: conversion },
    },
  };
}

/** Only of the actions that count: others may be fractions. */
function numberOf(type: string, value: unknown): number {
  const read = count.safeParse(value);
  if (read.success) return read.data;
  throw new ConnectorError("malformed", `meta: actions.${type} is no whole number`);
}

const adState = z.object({
  effective_status: z.string().max(60).optional(),
  created_time: z.string().optional(),
});

/** Insights are counted within the hour; a day is patience enough. */
const newForMs = 24 * 3_600_000;

/** No row: nothing was delivered, or not yet; or it is gone. */
async function withoutDelivery(http: Http, credentials: Credentials, id: string): Promise<PlatformAnswer> {
  const answer = adState.safeParse(
    await http.json({
      path: `/${versionOf(credentials)}/${id}`,
      query: { fields: "effective_status,created_time" },
      headers: bearer(credentials["META_ADS_ACCESS_TOKEN"]),
    }),
  );
  if (!answer.success) throw new ConnectorError("malformed", "meta: an ad has another form than expected");
  const { effective_status: status = "UNKNOWN", created_time: created } = answer.data;
  if (status === "DELETED") return { kind: "deleted", reason: "it was deleted before it was shown" };
  const createdAt = parseGraphTime(created);
  if (createdAt === null || Date.now() - createdAt < newForMs)
    return {
      kind: "not_ready",
      reason: "it is new and nothing of it is counted yet",
      retryAfterMs: 3_600_000,
    };
  return {
    kind: "metrics",
    metrics: {
      views: 0,
      clicks: 0,
      conversions: 0,
      spend: "0",
      currency: null,
      hints: {},
      raw: { note: "nothing was delivered", effectiveStatus: status },
    },
  };
}

/** Meta writes a zone as +0000, which is no ISO 8601 for `Date`. */
function parseGraphTime(text: string | undefined): number | null {
  const time = Date.parse((text ?? "").replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  return Number.isNaN(time) ? null : time;
}

const versionOf = (credentials: Credentials) => credentials["META_ADS_GRAPH_VERSION"] ?? "v26.0";

/**
 * An organic post's canonical address leaves out whose page it is on: that is often a person's name. It has no id here:
 * of such a post the platform reports only to its page, and asking for it by this number would find something else.
 */
function readAddress({ host, path, query }: Page): PostAddress | null {
  if (host.endsWith("fb.watch")) {
    const [, code] = /^\/([\w-]{5,30})$/.exec(path) ?? [];
    return code === undefined ? null : shareLink(`https://fb.watch/${code}`);
  }
  if (/^\/(?:adsmanager|ads\/manager)(?:\/|$)/.test(path)) return readAd(query);
  const [, kind, code] = /^\/share((?:\/[prv])?)\/(\w{5,40})$/.exec(path) ?? [];
  if (kind !== undefined && code !== undefined) return shareLink(`https://www.facebook.com/share${kind}/${code}`);
  if (path === "/ads/library") return organic(query.get("id"), (id) => `https://www.facebook.com/ads/library?id=${id}`);
  const inPath =
    /^\/(?:reel|[\w.-]+\/(?:posts|videos|photos)(?:\/[^/]+)?|groups\/[\w.-]+\/(?:posts|permalink))\/(\w+)$/.exec(
      path,
    ) ?? /^\/(\d{10,25}|pfbid\w+)$/.exec(path);
  const queryNames: Record<string, string> = {
    "/permalink.php": "story_fbid",
    "/story.php": "story_fbid",
    "/watch": "v",
    "/photo": "fbid",
    "/photo.php": "fbid",
  };
  return organic(inPath?.[1] ?? query.get(queryNames[path] ?? ""), (id) => `https://www.facebook.com/${id}`);
}

function organic(id: string | null, urlOf: (id: string) => string): PostAddress | null {
  return id === null || !/^(?:\d{5,25}|pfbid\w{20,120})$/.test(id)
    ? null
    : { url: urlOf(bareId(id)), platformPostId: null, isShareLink: false };
}

/** From the narrowest to the widest; each as the Ads Manager and as tracking templates write it. */
const adNames = [
  ["ads", "selected_ad_ids", "ad_id"],
  ["adsets", "selected_adset_ids", "adset_id"],
  ["campaigns", "selected_campaign_ids", "campaign_id"],
] as const;

/**
 * Ids are unique over all accounts (`act_…`) and over ads, ad sets and campaigns: the id names the post, and the tab it was
 * copied from says nothing more. A list of several is no post.
 */
function readAd(query: URLSearchParams): PostAddress | null {
  for (const [tab, chosen, plain] of adNames) {
    const id = query.get(chosen) ?? query.get(plain);
    if (id === null || id === "") continue;
    if (!/^\d{5,25}$/.test(id)) return null;
    return postAt(`https://www.facebook.com/adsmanager/manage/${tab}?${chosen}=${bareId(id)}`, bareId(id));
  }
  return null;
}
