import { z } from "zod";
import { chance } from "./chance.ts";
import { presentMs, type Clock } from "./clock.ts";

const count = z.int().nonnegative();
const states = z.enum(["live", "deleted", "too_few_viewers", "before_professional"]);

/** What a test or the demo says of a post; what it leaves out stays, or is what chance made it. */
const change = z.strictObject({
  platform: z.string().regex(/^[a-z_]{1,40}$/),
  /** As the platform names it: Reddit's id, Instagram's shortcode, the digits of an ad or campaign. */
  id: z.string().min(1).max(80),
  /** Whose it is: the client or affiliate whose token `sandbox-<owner>` sees what only owners see. */
  owner: z.string().nullable().optional(),
  views: count.optional(),
  clicks: count.optional(),
  conversions: count.optional(),
  spend: z
    .string()
    .regex(/^\d+(\.\d{1,6})?$/)
    .optional(),
  currency: z.string().length(3).optional(),
  score: z.int().optional(),
  comments: count.optional(),
  likes: count.optional(),
  state: states.optional(),
  /** Of Instagram: which metrics there are. OLD has no views. */
  kind: z.enum(["FEED", "REELS", "STORY", "OLD"]).optional(),
  /** Of Meta: its ad set and its campaign, or its campaign; none for a campaign. */
  partOf: z
    .array(z.string().regex(/^\d{5,25}$/))
    .max(2)
    .optional(),
  /** The code of its share link. */
  shareCode: z.string().min(1).max(60).nullable().optional(),
  postedAt: z.iso.datetime({ offset: true }).optional(),
  /** Has no numbers for the first so many requests, or until so long from now. */
  readyAfterRequests: count.optional(),
  readyInSeconds: z.number().nonnegative().optional(),
});

export type PostPlatform = z.output<typeof change>["platform"];

/** One post and what is true of it. */
export interface PlayedPost {
  platform: PostPlatform;
  id: string;
  owner: string | null;
  views: number;
  clicks: number;
  conversions: number;
  spend: string;
  currency: string;
  score: number;
  comments: number;
  likes: number;
  state: z.output<typeof states>;
  kind: "FEED" | "REELS" | "STORY" | "OLD";
  partOf: string[];
  shareCode: string | null;
  postedAt: string;
  readyAfterRequests: number;
  readyAtMs: number;
}

export interface Posts {
  /** Sets what is true of a post, and so makes it one. */
  set(body: unknown): PlayedPost;
  list(platform?: string): PlayedPost[];
  clear(): void;
  find(platform: PostPlatform, id: string): PlayedPost | undefined;
  ofOwner(platform: PostPlatform, owner: string): PlayedPost[];
  byShareCode(platform: PostPlatform, code: string): PlayedPost | undefined;
  /** Whether a post has numbers by now; every asking counts. */
  isReady(post: PlayedPost): boolean;
}

/** Posts that tests and the demo speak of, over those that chance makes. `instant` has numbers for all at once. */
export function createPosts({ clock, instant = false }: { clock: Clock; instant?: boolean }): Posts {
  const posts = new Map<string, PlayedPost>();
  const asked = new Map<string, number>();
  const key = (platform: string, id: string) => `${platform}\n${id}`;
  const nowMs = () => presentMs(clock.settings());

  return {
    set(body) {
      const { readyInSeconds, ...wanted } = change.parse(body);
      const place = key(wanted.platform, wanted.id);
      const before = posts.get(place) ?? postByChance(wanted.platform, wanted.id, null, nowMs());
      const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
      const post: PlayedPost = {
        ...before,
        ...given,
        ...(readyInSeconds === undefined ? {} : { readyAtMs: nowMs() + readyInSeconds * 1_000 }),
      };
      posts.set(place, post);
      asked.delete(place);
      return post;
    },
    list: (platform) => [...posts.values()].filter((post) => platform === undefined || post.platform === platform),
    clear() {
      posts.clear();
      asked.clear();
    },
    find: (platform, id) => posts.get(key(platform, id)),
    ofOwner: (platform, owner) =>
      [...posts.values()].filter((post) => post.platform === platform && post.owner === owner),
    byShareCode: (platform, code) =>
      [...posts.values()].find((post) => post.platform === platform && post.shareCode === code),
    isReady(post) {
      if (instant) return true;
      const place = key(post.platform, post.id);
      const times = (asked.get(place) ?? 0) + 1;
      asked.set(place, times);
      return times > post.readyAfterRequests && nowMs() >= post.readyAtMs;
    },
  };
}

/** A post as chance has it: the same for the same id, on every machine and in every run. */
export function postByChance(platform: PostPlatform, id: string, owner: string | null, nowMs: number): PlayedPost {
  const draw = (what: string) => chance("post", platform, id, what);
  // Most posts are seen by a few hundred, some by tens of thousands.
  const views = Math.floor(100 * 10 ** (draw("views") * 2.7));
  const clicks = Math.floor(views * 0.05 * draw("clicks"));
  return {
    platform,
    id,
    owner,
    views,
    clicks,
    conversions: Math.floor(clicks * 0.1 * draw("conversions")),
    spend: (Math.floor(views * (5 + 10 * draw("spend"))) / 1_000).toFixed(2),
    currency: "USD",
    score: Math.floor(views * 0.02 * draw("score")),
    comments: Math.floor(views * 0.005 * draw("comments")),
    likes: Math.floor(views * 0.04 * draw("likes")),
    state: "live",
    kind: draw("kind") < 0.5 ? "FEED" : "REELS",
    partOf: [],
    shareCode: null,
    // Days ago, so that it has its numbers; counted from the day's beginning, so that it is the same all day.
    postedAt: new Date(
      Math.floor(nowMs / 86_400_000) * 86_400_000 - Math.floor((3 + 60 * draw("age")) * 86_400_000),
    ).toISOString(),
    readyAfterRequests: 0,
    readyAtMs: 0,
  };
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** So many characters of an alphabet, the same for the same name. */
export function nameByChance(length: number, alphabet: string, ...parts: readonly (string | number)[]): string {
  return Array.from(
    { length },
    (_, place) => alphabet[Math.floor(chance(...parts, place) * alphabet.length)] ?? "",
  ).join("");
}

export const shortcodeByChance = (owner: string, index: number) =>
  `D${nameByChance(10, letters, "shortcode", owner, index)}`;

export const digitsByChance = (length: number, ...parts: readonly (string | number)[]) =>
  nameByChance(length, "0123456789", ...parts);

export const redditIdByChance = (...parts: readonly (string | number)[]) =>
  `1${nameByChance(6, "0123456789abcdefghijklmnopqrstuvwxyz", "reddit", ...parts)}`;
