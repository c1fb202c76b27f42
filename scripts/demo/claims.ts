import type { NamedAffiliate } from "./stack.ts";

/** The affiliates of the demo: an honest, a sloppy and a fraudulent one, with their claims and the expected verdicts. */
export const demoAffiliates: readonly NamedAffiliate[] = [
  {
    name: "Demo Honest",
    discordUserId: "700000000000000001",
    tokens: { reddit: { REDDIT_ACCESS_TOKEN: "sandbox-demo-honest" } },
  },
  { name: "Demo Sloppy", discordUserId: null, tokens: {} },
  { name: "Demo Fraudulent", discordUserId: null, tokens: {} },
];

export const demoCampaigns = ["Demo: spring launch", "Demo: summer sale"] as const;

interface Counts {
  views: number;
  clicks: number;
  conversions: number;
}

export interface DemoClaim {
  by: string;
  what: string;
  campaign: (typeof demoCampaigns)[number];
  platform: "reddit" | "instagram" | "meta";
  over?: "discord";
  /** Which of the demo's posts it is about. */
  post: number;
  /** What the platform counted; null for a post that there never was, or that another claim is about as well. */
  truth: (Partial<Counts> & { state?: "deleted"; owner?: string }) | null;
  claimed: Counts;
  deserves: string;
}

const [spring, summer] = demoCampaigns;

export const demoClaims: readonly DemoClaim[] = [
  {
    by: "Demo Honest",
    what: "to the digit",
    campaign: spring,
    platform: "meta",
    post: 1,
    truth: { views: 12_000, clicks: 480, conversions: 24 },
    claimed: { views: 12_000, clicks: 480, conversions: 24 },
    deserves: "MATCHED",
  },
  {
    by: "Demo Honest",
    what: "a day old, so below",
    campaign: spring,
    platform: "instagram",
    post: 2,
    truth: { views: 5_200 },
    claimed: { views: 5_000, clicks: 0, conversions: 0 },
    deserves: "MATCHED",
  },
  {
    by: "Demo Honest",
    what: "with its own token",
    campaign: spring,
    platform: "reddit",
    post: 3,
    truth: { views: 2_000, owner: "demo-honest" },
    claimed: { views: 2_040, clicks: 0, conversions: 0 },
    deserves: "DISCREPANCY LOW",
  },
  {
    by: "Demo Honest",
    what: "over Discord",
    campaign: summer,
    platform: "meta",
    over: "discord",
    post: 4,
    truth: { views: 8_000, clicks: 300, conversions: 12 },
    claimed: { views: 7_900, clicks: 300, conversions: 12 },
    deserves: "MATCHED",
  },
  {
    by: "Demo Sloppy",
    what: "rounded up",
    campaign: spring,
    platform: "meta",
    post: 5,
    truth: { views: 9_700, clicks: 388, conversions: 10 },
    claimed: { views: 10_000, clicks: 400, conversions: 10 },
    deserves: "DISCREPANCY LOW",
  },
  {
    by: "Demo Sloppy",
    what: "guessed, 12 % over",
    campaign: spring,
    platform: "instagram",
    post: 6,
    truth: { views: 2_500 },
    claimed: { views: 2_800, clicks: 0, conversions: 0 },
    deserves: "DISCREPANCY MEDIUM",
  },
  {
    by: "Demo Sloppy",
    what: "cannot be checked",
    campaign: summer,
    platform: "reddit",
    post: 7,
    truth: { views: 900, owner: "another-account" },
    claimed: { views: 1_000, clicks: 0, conversions: 0 },
    deserves: "UNVERIFIABLE",
  },
  {
    by: "Demo Sloppy",
    what: "right for once",
    campaign: summer,
    platform: "meta",
    post: 8,
    truth: { views: 4_000, clicks: 120, conversions: 3 },
    claimed: { views: 4_000, clicks: 120, conversions: 3 },
    deserves: "MATCHED",
  },
  {
    by: "Demo Fraudulent",
    what: "ten times the truth",
    campaign: spring,
    platform: "meta",
    post: 9,
    truth: { views: 1_000, clicks: 40, conversions: 2 },
    claimed: { views: 10_000, clicks: 400, conversions: 20 },
    deserves: "DISCREPANCY HIGH",
  },
  {
    by: "Demo Fraudulent",
    what: "another account's post",
    campaign: spring,
    platform: "meta",
    post: 1,
    truth: null,
    claimed: { views: 11_500, clicks: 470, conversions: 22 },
    deserves: "MATCHED",
  },
  {
    by: "Demo Fraudulent",
    what: "more clicks than views",
    campaign: summer,
    platform: "meta",
    post: 10,
    truth: { views: 300, clicks: 30, conversions: 1 },
    claimed: { views: 300, clicks: 900, conversions: 90 },
    deserves: "DISCREPANCY HIGH",
  },
  {
    by: "Demo Fraudulent",
    what: "a deleted post",
    campaign: summer,
    platform: "reddit",
    post: 11,
    truth: { views: 100, state: "deleted" },
    claimed: { views: 50_000, clicks: 0, conversions: 0 },
    deserves: "POST_DELETED",
  },
  {
    by: "Demo Fraudulent",
    what: "no views",
    campaign: summer,
    platform: "instagram",
    post: 12,
    truth: { views: 0 },
    claimed: { views: 25_000, clicks: 0, conversions: 0 },
    deserves: "DISCREPANCY HIGH",
  },
];

/** A post of this run: its address, and what the sandbox is to say of it. */
export function demoPost(
  { platform, post, truth }: DemoClaim,
  { client, run }: { client: string; run: string },
): { url: string; truth: object | null } {
  const number = `${parseInt(run, 36)}${String(post).padStart(2, "0")}`;
  const code = `${run}${String(post).padStart(2, "0")}`;
  const places = {
    reddit: { id: code, url: `https://old.reddit.com/r/demo/comments/${code}/a_title/?utm_source=demo` },
    instagram: { id: code, url: `https://www.instagram.com/reel/${code}/?igsh=demo` },
    meta: { id: number, url: `https://www.facebook.com/adsmanager/manage/campaigns?selected_campaign_ids=${number}` },
  };
  const { id, url } = places[platform];
  return { url, truth: truth === null ? null : { platform, id, owner: client, ...truth } };
}
