import { z } from "zod";
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
import { digitsByChance, postByChance, shortcodeByChance, type PlayedPost } from "../recon-model.ts";
import { createShareLinks } from "../share-links.ts";
import {
  json,
  type JsonObject,
  type Surroundings,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
} from "../vendor.ts";

const POSTS_OF_AN_ACCOUNT = 24;
const MOST_PER_PAGE = 100;
const METRICS: Readonly<Record<PlayedPost["kind"], readonly string[]>> = {
  FEED: ["views", "reach", "saved", "shares", "likes", "comments", "total_interactions"],
  REELS: ["views", "reach", "saved", "shares", "likes", "comments", "total_interactions"],
  STORY: ["views", "reach", "shares", "replies", "total_interactions"],
  OLD: ["reach", "saved", "likes", "comments"],
};
const accountBody = z.strictObject({ owner: z.string().min(1), posts: z.int().nonnegative().max(20_000) });

/** Instagram's insights as of vendors.md, section 6b: an account's own posts, without a look-up by link. */
// eslint-disable-next-line max-lines-per-function -- one mock vendor: short functions over the state of one server
export function createInstagram({ clock, posts }: Surroundings): Vendor {
  const sizes = new Map<string, number>();
  const nowMs = () => presentMs(clock.settings());
  const links = createShareLinks((_, path) => {
    const code = /^\/share\/(?:p\/|reel\/)?([\w-]+)$/.exec(path)?.[1];
    const post = code === undefined ? undefined : posts.byShareCode("instagram", code);
    return post === undefined ? null : `https://www.instagram.com/reel/${post.id}/?igsh=abc`;
  });

  const made = new Map<string, PlayedPost[]>();
  const ids = new Map<string, string>();

  /** Made once for each account: the longest have thousands. */
  function madeFor(owner: string): PlayedPost[] {
    const size = sizes.get(owner) ?? POSTS_OF_AN_ACCOUNT;
    const kept = made.get(owner);
    if (kept?.length === size) return kept;
    const fresh = Array.from({ length: size }, (_, index) =>
      postByChance("instagram", shortcodeByChance(owner, index), owner, nowMs()),
    );
    made.set(owner, fresh);
    return fresh;
  }

  /** What was set for an account lies on top, as the newest. */
  function postsOf(owner: string): PlayedPost[] {
    const set = posts.ofOwner("instagram", owner);
    const named = new Set(set.map(({ id }) => id));
    return [...set, ...madeFor(owner).filter(({ id }) => !named.has(id))];
  }

  function mediaId(post: PlayedPost): string {
    const kept = ids.get(post.id);
    if (kept !== undefined) return kept;
    const id = `179${digitsByChance(14, "media", post.id)}`;
    ids.set(post.id, id);
    return id;
  }

  function handle(request: VendorRequest): VendorAnswer {
    const { url } = request;
    if (links.isLink(url.pathname)) return links.answer(request.method, url);
    const asked = graphNode(request);
    if ("refused" in asked) return asked.refused;
    const { client, key, node, edge } = asked;
    const userId = `178${digitsByChance(14, "user", client)}`;
    const isOwn = node === "me" || node === userId || node === `sandbox-${client}`;
    if (isOwn && edge === undefined) return json(200, { id: userId, user_id: userId, username: client });
    if (isOwn && edge === "media") return media(client, key, url);
    const post = postsOf(client).find((one) => mediaId(one) === node);
    if (post === undefined || post.state === "deleted") return unknownObject(node);
    if (edge === "insights") return insights(post, url);
    return edge === undefined ? json(200, described(post, mediaId(post))) : unknownObject(node);
  }

  function media(client: string, key: string, url: URL): VendorAnswer {
    const page = pageAsked(url);
    if (Number.isNaN(page)) return graphError(100, "(#100) Invalid cursor");
    const perPage = Math.min(MOST_PER_PAGE, Math.max(1, Number(url.searchParams.get("limit") ?? 25)));
    const listed = postsOf(client).filter(({ state, kind }) => state !== "deleted" && kind !== "STORY");
    return graphPage(listed, (post) => described(post, mediaId(post)), { url, key, page, perPage });
  }

  function insights(post: PlayedPost, url: URL): VendorAnswer {
    const wanted = (url.searchParams.get("metric") ?? "").split(",");
    const unknown = wanted.find((metric) => !METRICS[post.kind].includes(metric));
    if (unknown !== undefined)
      return graphError(
        100,
        `(#100) The Media Insights API does not support the ${unknown} metric for this media product type.`,
      );
    if (post.state === "before_professional") return graphError(100, "Invalid parameter", { subcode: 2108006 });
    if (post.state === "too_few_viewers")
      return graphError(10, "(#10) Not enough viewers for the media to show insights");
    if (!posts.isReady(post)) return json(200, { data: [] });
    return json(200, {
      data: wanted.map((name) => ({
        name,
        period: "lifetime",
        values: [{ value: valueOf(post, name) }],
        title: name,
        description: `The number of ${name}.`,
        id: `${mediaId(post)}/insights/${name}/lifetime`,
      })),
    });
  }

  return {
    name: "instagram",
    ...graphFrame,
    repage: (request, { page, pageSize }) => {
      const url = new URL(request.url);
      if (page !== undefined) url.searchParams.delete("after");
      if (pageSize !== undefined) url.searchParams.set("limit", String(pageSize));
      return { ...request, url };
    },
    handle,
    limits: {
      documented: { perMinute: 200, perSecond: null, countTwice: false },
      counts: ({ url }) => !links.isLink(url.pathname),
      sayWhen: false,
      headers: ({ limits, remainingThisMinute }): Record<string, string> => {
        if (limits.perMinute === null) return {};
        const percent = usedPercent(limits.perMinute, remainingThisMinute);
        return { "X-App-Usage": JSON.stringify({ call_count: percent, total_cputime: 1, total_time: 3 }) };
      },
    },
    refusals: {
      ...graphFrame.refusals,
      rateLimited: () => graphError(4, "(#4) Application request limit reached", { subcode: 1349210 }),
    },
    dump: ({ client }) => postsOf(client).map((post) => ({ ...post, mediaId: mediaId(post) })),
    control: {
      ...links.control,
      /** How many posts an account has beside those that were set. */
      "POST /accounts": (body) => {
        const { owner, posts: size } = accountBody.parse(body);
        sizes.set(owner, size);
        return { owner, posts: size };
      },
    },
  };
}

function described(post: PlayedPost, id: string): JsonObject {
  const folder = post.kind === "REELS" ? "reel" : "p";
  return {
    id,
    permalink: `https://www.instagram.com/${folder}/${post.id}/`,
    shortcode: post.id,
    caption: "Link in bio",
    username: post.owner ?? "",
    media_type: post.kind === "REELS" ? "VIDEO" : "IMAGE",
    media_product_type: post.kind === "OLD" ? "FEED" : post.kind,
    timestamp: post.postedAt.replace(/\.\d+Z$/, "+0000"),
  };
}

function valueOf(post: PlayedPost, metric: string): number {
  switch (metric) {
    case "views":
      return post.views;
    case "reach":
      return Math.floor(post.views * 0.8);
    case "likes":
      return post.likes;
    case "comments":
      return post.comments;
    default:
      return Math.floor(post.likes * 0.1);
  }
}
