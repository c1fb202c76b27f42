import { chance } from "../../sandbox/chance.ts";
import { digitsByChance, redditIdByChance, shortcodeByChance } from "../../sandbox/recon-model.ts";
import type { NamedAffiliate } from "./stack.ts";

export const demoPrograms = [
  { name: "Autumn launch", advertiserId: "brand-a", platforms: ["instagram", "meta", "reddit"] },
  { name: "Black week", advertiserId: "brand-a", platforms: ["instagram", "meta"] },
  { name: "Holiday gifts", advertiserId: "wellness", platforms: ["instagram", "meta", "reddit"] },
  { name: "App installs", advertiserId: "exp", platforms: ["meta"] },
  { name: "Newsletter sign-ups", advertiserId: "wellness", platforms: ["meta", "reddit"] },
] as const;

/** How an affiliate reports: what its posts brought times this, one claim after the other. */
const honest = [1, 0.99, 1, 1, 1, 0.97, 1];
const rounding = [1.02, 1, 1.03, 1, 1.01, 1.04, 1];
const sloppy = [1.12, 1, 1.08, 1.02, 1.18, 1, 1.15];
const improving = [1.6, 1.25, 1.12, 1.03, 1, 1, 1];
const worsening = [1, 1, 1.02, 1.1, 1.3, 2, 4];
const fraudulent = [3, 10, 1, 6, 2.5, 8, 12];

const reporting: readonly (readonly [name: string, claims: readonly number[]])[] = [
  ["Anna Weber", honest],
  ["Beauty by Mira", honest],
  ["Clickbridge", rounding],
  ["Daily Deals Łukasz", sloppy],
  ["Everyday Fit", improving],
  ["Fast Cash Club", fraudulent],
  ["Gadget Corner", rounding],
  ["Harbour Coupons", sloppy],
  ["Indie Reviews", honest],
  ["Just Trends", worsening],
  ["Kitchen & Söhne", improving],
  ["Lifehack Lab", honest],
];

export interface Claim {
  by: string;
  campaign: string;
  platform: string;
  url: string;
  /** What the sandbox is to say of the post; null for a post that there never was. */
  truth: object | null;
  claimed: { views: number; clicks: number; conversions: number };
  title: string;
}

/** Reddit shows views to the author alone: some let us look with their own token. */
export const demoAffiliateCast: readonly NamedAffiliate[] = reporting.map(([name], index) => ({
  name,
  tokens: index % 3 === 0 ? { reddit: { REDDIT_ACCESS_TOKEN: `sandbox-${ownerOf(name)}` } } : {},
}));

function ownerOf(name: string): string {
  return `demo-${name.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
}

/** Every claim of the demo, the oldest first: the same posts and numbers in every run. */
export function claimsOf(client: string): Claim[] {
  const claims = reporting.flatMap(([by, shares]) => shares.map((share, index) => ({ by, share, index })));
  return claims.sort((one, other) => one.index - other.index).map((of) => claimOf(client, of));
}

function claimOf(client: string, { by, share, index }: { by: string; share: number; index: number }): Claim {
  const draw = (what: string) => chance("claim", by, index, what);
  const program = demoPrograms[Math.floor(draw("program") * demoPrograms.length)] ?? demoPrograms[0];
  const platform = program.platforms[Math.floor(draw("platform") * program.platforms.length)] ?? "meta";
  const views = Math.floor(1_500 * 30 ** draw("views"));
  const clicks = platform === "meta" ? Math.floor(views * (0.01 + 0.04 * draw("clicks"))) : 0;
  const conversions = Math.floor(clicks * 0.06 * draw("conversions"));
  const post = postOn(platform, client, by, index);
  return {
    by,
    campaign: program.name,
    platform,
    url: post.url,
    truth: post.isGone
      ? null
      : {
          platform,
          id: post.id,
          owner: platform === "reddit" ? ownerOf(by) : client,
          views,
          ...(platform === "meta" ? { clicks, conversions, spend: (views * 0.004).toFixed(2) } : {}),
          ...(draw("deleted") < 0.04 ? { state: "deleted" } : {}),
          // Instagram has no numbers of a post that only few have seen.
          ...(platform === "instagram" && draw("seen") < 0.12 ? { state: "too_few_viewers" } : {}),
        },
    claimed: {
      views: Math.floor(views * share),
      clicks: Math.floor(clicks * share),
      conversions: Math.floor(conversions * share),
    },
    title: `${program.name}, post ${index + 1}`,
  };
}

/** An address on the platform. A few posts on Reddit never were. */
function postOn(
  platform: string,
  client: string,
  by: string,
  index: number,
): { id: string; url: string; isGone: boolean } {
  if (platform === "reddit") {
    const isGone = chance("claim", by, index, "gone") < 0.2;
    const id = `${isGone ? "zz" : ""}${redditIdByChance("demo", client, by, index)}`;
    return { id, isGone, url: `https://www.reddit.com/r/deals/comments/${id}/a_title/` };
  }
  if (platform === "instagram") {
    const id = shortcodeByChance(`demo/${client}/${by}`, index);
    return { id, isGone: false, url: `https://www.instagram.com/reel/${id}/` };
  }
  const id = `12029${digitsByChance(12, "demo", client, by, index)}`;
  return {
    id,
    isGone: false,
    url: `https://www.facebook.com/adsmanager/manage/campaigns?selected_campaign_ids=${id}`,
  };
}
