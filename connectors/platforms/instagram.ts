import { createHash } from "node:crypto";
import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { postAt, shareLink, type Page, type PostAddress } from "../../rules/recon/post-url.ts";
import { ConnectorError } from "../errors.ts";
import { count, id } from "../fields.ts";
import type { Http } from "../http.ts";
import type { Vendor } from "../source.ts";
import {
  bearer,
  beforeProfessional,
  classifyGraph,
  graphQuota,
  graphVersion,
  readGraphPage,
  tooFewViewers,
  unknownObject,
} from "./graph.ts";
import {
  areAffiliates,
  linkBaseUrl,
  nothingVerified,
  postIdOf,
  type Platform,
  type PlatformAnswer,
} from "./platform.ts";

const secrets = z.object({
  INSTAGRAM_ACCESS_TOKEN: z
    .string()
    .min(1)
    .meta(about("A professional account's token with insights permission; it sees that account's posts only.")),
  INSTAGRAM_USER_ID: z
    .string()
    .min(1)
    .optional()
    .meta(about("The account's id; needed with Facebook login (graph.facebook.com).", { unset: "Instagram is asked" })),
});

const settings = z.object({ INSTAGRAM_GRAPH_VERSION: graphVersion, INSTAGRAM_LINK_BASE_URL: linkBaseUrl });

type Credentials = Record<string, string>;

const vendor: Vendor<typeof secrets> = {
  name: "instagram",
  baseUrl: "https://graph.instagram.com",
  pace: { intervalMs: 50, concurrent: 2 },
  secrets,
  settings,
  quota: graphQuota,
  classify: classifyGraph,
  probe: ({ INSTAGRAM_ACCESS_TOKEN }, set) => ({
    path: `/${set["INSTAGRAM_GRAPH_VERSION"]}/me`,
    query: { fields: "id" },
    headers: bearer(INSTAGRAM_ACCESS_TOKEN),
  }),
};

/** Only for posts of a professional account that granted the token: a stranger's post cannot be asked for. */
export const instagram: Platform = {
  name: "instagram",
  vendor: vendor as Vendor,
  addresses: {
    hosts: /^(?:(?:www|m)\.)?instagram\.com$|^(?:www\.)?instagr\.am$/,
    example: "https://www.instagram.com/p/DAbCdEfGhIj/",
    read: readAddress,
  },
  hosts: ["instagram.com", "www.instagram.com", "m.instagram.com", "l.instagram.com", "instagr.am", "www.instagr.am"],
  verifies: ["views"],
  ownCredentials: ["INSTAGRAM_ACCESS_TOKEN", "INSTAGRAM_USER_ID"],
  fetchMetrics,
};

async function fetchMetrics({
  http,
  post,
  credentials,
}: Parameters<Platform["fetchMetrics"]>[0]): Promise<PlatformAnswer> {
  const shortcode = postIdOf(instagram, post);
  if (shortcode === null || !/^[\w-]{5,64}$/.test(shortcode))
    return { kind: "unknown_post", reason: "the address holds no Instagram shortcode" };
  const found = await findMedia(http, credentials, shortcode);
  if (found === "unknown") {
    return areAffiliates(credentials)
      ? { kind: "unknown_post", reason: "the account that the affiliate's token belongs to has no such post" }
      : unverifiable("the post is of another account than our token's: only its owner's token can read the numbers");
  }
  if (found === "looking")
    return { kind: "not_ready", reason: "the account has many posts and is still looked through", retryAfterMs: 1_000 };
  try {
    return await readInsights(http, credentials, found);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    switch (error.code) {
      case tooFewViewers:
        return {
          kind: "not_ready",
          reason: "Instagram reports no numbers while too few people have seen it",
          retryAfterMs: null,
        };
      case unknownObject:
        return { kind: "deleted", reason: "the account had this post and has it no longer" };
      case beforeProfessional:
        return metricsOf(found, {}, "posted before the account became a professional one");
      default:
        throw error;
    }
  }
}

function unverifiable(note: string): PlatformAnswer {
  return { kind: "metrics", metrics: { ...nothingVerified, hints: {}, raw: { note } } };
}

interface Media {
  id: string;
  mediaType: string | null;
  productType: string | null;
}

/** What is counted differs by kind, and one metric too many fails the whole call. */
const metricsByKind: Record<string, string> = {
  STORY: "views,reach,shares,replies,total_interactions",
  OTHER: "views,reach,saved,shares,likes,comments,total_interactions",
};

const insight = z.object({
  name: z.string(),
  values: z
    .array(z.object({ value: count }))
    .optional()
    .catch(undefined),
  total_value: z.object({ value: count }).optional().catch(undefined),
});

async function readInsights(http: Http, credentials: Credentials, media: Media): Promise<PlatformAnswer> {
  const wanted = metricsByKind[media.productType ?? ""] ?? metricsByKind["OTHER"] ?? "views";
  const ask = (metric: string) =>
    readGraphPage({
      http,
      path: `/${credentials["INSTAGRAM_GRAPH_VERSION"] ?? "v26.0"}/${encodeURIComponent(media.id)}/insights`,
      query: { metric },
      token: credentials["INSTAGRAM_ACCESS_TOKEN"],
    });
  const { items } = await ask(wanted).catch(async (error: unknown) => {
    if (!isUnsupportedMetric(error)) throw error;
    // Old posts lack some of them: whether views are among those, only a request for views alone shows.
    return ask("views")
      .catch((again: unknown) => {
        if (!isUnsupportedMetric(again)) throw again;
        return null;
      })
      .then((page) => page ?? { items: null });
  });
  if (items === null) return metricsOf(media, {}, "Instagram counts no views of this kind of post");
  const numbers: Record<string, number> = {};
  for (const item of items) {
    const read = insight.safeParse(item);
    if (!read.success) throw new ConnectorError("malformed", "instagram: an insight has another form than expected");
    const value = read.data.total_value?.value ?? read.data.values?.at(-1)?.value;
    if (value !== undefined) numbers[read.data.name] = value;
  }
  // A metric without data is left out: it is not zero, and comes up to two days late.
  if (numbers["views"] === undefined)
    return {
      kind: "not_ready",
      reason: "Instagram has no views of it yet; they come up to 48 hours late",
      retryAfterMs: null,
    };
  return metricsOf(media, numbers, null);
}

/** 100 without a subcode we know: a metric that this post does not have. */
function isUnsupportedMetric(error: unknown): boolean {
  return error instanceof ConnectorError && error.kind === "rejected" && error.code === "100";
}

function metricsOf(media: Media, numbers: Record<string, number>, note: string | null): PlatformAnswer {
  const { views, ...hints } = numbers;
  return {
    kind: "metrics",
    metrics: {
      ...nothingVerified,
      views: views ?? null,
      hints,
      raw: {
        mediaId: media.id,
        mediaType: media.mediaType,
        productType: media.productType,
        ...numbers,
        ...(note === null ? {} : { note }),
      },
    },
  };
}

const mediaItem = z.object({
  id,
  permalink: z.string().optional(),
  shortcode: z.string().optional(),
  media_type: z.string().max(40).optional(),
  media_product_type: z.string().max(40).optional(),
});

const perPage = 100;
/** More pages in one go would outlast an activity's patience. */
const mostPages = 30;
const mostShelves = 500;
/** Instagram lists no more of an account. */
const mostMedia = 10_000;

/** What was seen of an account's posts, by shortcode, and where the walk through them was left. */
interface Shelf {
  media: Map<string, Media>;
  /** Null: from the newest. */
  goOnAfter: string | null;
}

const shelves = new Map<string, Shelf>();

/**
 * There is no look-up by link: the account's posts are paged through, newest first. A walk that was cut short by a
 * limit goes on where it stopped, after a look at what is new.
 */
async function findMedia(
  http: Http,
  credentials: Credentials,
  shortcode: string,
): Promise<Media | "unknown" | "looking"> {
  const shelf = shelfOf(credentials);
  const known = shelf.media.get(shortcode);
  if (known !== undefined) return known;
  const userId = credentials["INSTAGRAM_USER_ID"] ?? "me";
  const ask = (after: string | null) =>
    readGraphPage({
      http,
      path: `/${credentials["INSTAGRAM_GRAPH_VERSION"] ?? "v26.0"}/${encodeURIComponent(userId)}/media`,
      query: { fields: "id,permalink,shortcode,media_type,media_product_type", limit: perPage },
      token: credentials["INSTAGRAM_ACCESS_TOKEN"],
      after,
    });
  const left = shelf.goOnAfter;
  let after: string | null = null;
  for (let page = 0; page < mostPages; page += 1) {
    const { items, after: next }: { items: unknown[]; after: string | null } = await ask(after);
    for (const item of items) put(shelf, item);
    const found = shelf.media.get(shortcode);
    if (found !== undefined) return found;
    after = page === 0 && left !== null ? left : next;
    shelf.goOnAfter = after;
    if (after === null) return "unknown";
  }
  return "looking";
}

function put(shelf: Shelf, item: unknown): void {
  const read = mediaItem.safeParse(item);
  if (!read.success)
    throw new ConnectorError("malformed", "instagram: a post in the list has another form than expected");
  const { permalink, shortcode, media_type: mediaType = null, media_product_type: productType = null } = read.data;
  const code = shortcode ?? (permalink === undefined ? null : postIdOf(instagram, { url: permalink, postId: null }));
  if (code === null || shelf.media.size >= mostMedia) return;
  shelf.media.set(code, { id: read.data.id, mediaType, productType });
}

function shelfOf(credentials: Credentials): Shelf {
  const account = [credentials["INSTAGRAM_ACCESS_TOKEN"], credentials["INSTAGRAM_USER_ID"]];
  const name = createHash("sha256").update(JSON.stringify(account)).digest("base64");
  const shelf = shelves.get(name) ?? { media: new Map<string, Media>(), goOnAfter: null };
  // The one used last stands last, so that the one dropped is the one used least recently.
  shelves.delete(name);
  shelves.set(name, shelf);
  if (shelves.size > mostShelves) shelves.delete([...shelves.keys()][0] ?? "");
  return shelf;
}

function readAddress({ path }: Page): PostAddress | null {
  const [, shared, sharedCode] = /^\/share((?:\/(?:p|reel))?)\/([\w-]{5,64})$/.exec(path) ?? [];
  if (sharedCode !== undefined && shared !== undefined)
    return shareLink(`https://www.instagram.com/share${shared}/${sharedCode}`);
  // One medium has the same code under all of these; capitals and small letters are different codes.
  const [, code] = /^(?:\/(?!share\/)[\w.]+)?\/(?:p|reel|reels|tv)\/(?!audio$)([\w-]{5,64})$/.exec(path) ?? [];
  return code === undefined ? null : postAt(`https://www.instagram.com/p/${code}`, code);
}
