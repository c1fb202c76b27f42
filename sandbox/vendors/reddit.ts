import { randomUUID } from "node:crypto";
import { presentMs } from "../clock.ts";
import { postByChance, redditIdByChance, type PlayedPost } from "../recon-model.ts";
import { createShareLinks } from "../share-links.ts";
import {
  isJsonObject,
  json,
  type JsonObject,
  type Surroundings,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
  type WireRequest,
} from "../vendor.ts";

const TOKEN_SECONDS = 86_400;
const MOST_IDS = 100;
const AGENT = /^[\w.-]+:[\w.-]+:[\w.-]+ \(by \/u\/[\w-]+\)$/;
/** Ids of these beginnings exist without being set: the one was never posted, the other was deleted. */
const UNKNOWN = /^zz/;
const DELETED = /^zd/;

/**
 * Reddit as of vendors.md, section 6a: tokens for an hour of the day, posts by id with those unknown left out, views
 * for their author alone. Its ten minutes are shortened to one, so that a wait for them is short.
 */
// eslint-disable-next-line max-lines-per-function -- one mock vendor: short functions over the state of one server
export function createReddit({ clock, posts }: Surroundings): Vendor {
  const issued = new Map<string, { key: string; expiresAtMs: number }>();
  const nowMs = () => presentMs(clock.settings());
  const links = createShareLinks((host, path) => {
    const [, kind, name, code = ""] = /^\/(r|u|user)\/([\w-]+)\/s\/(\w+)$/.exec(path) ?? [];
    const video = host === "v.redd.it" ? /^\/([\w-]{5,30})$/.exec(path)?.[1] : undefined;
    if (kind === undefined && video === undefined) return null;
    const wanted = code === "" ? (video ?? "") : code;
    if (/^gone/i.test(wanted)) return null;
    const id = posts.byShareCode("reddit", wanted)?.id ?? redditIdByChance("share", wanted);
    return `https://www.reddit.com/${kind ?? "r"}/${name ?? "videos"}/comments/${id}/a_title/?share_id=${wanted}&utm_source=share`;
  });

  function keyOf({ headers }: WireRequest): string | null {
    const [, scheme = "", value = ""] = /^(basic|bearer) (.+)$/i.exec(headers["authorization"] ?? "") ?? [];
    if (/^basic$/i.test(scheme)) {
      const [id = "", secret = ""] = Buffer.from(value, "base64").toString().split(":");
      return id === "" || secret === "" ? null : secret;
    }
    if (value === "") return null;
    const token = issued.get(value);
    if (token === undefined) return value;
    return token.expiresAtMs > nowMs() ? token.key : null;
  }

  function issue(request: VendorRequest): VendorAnswer {
    if (request.key === null || request.client === null) return unauthorized();
    const form = new URLSearchParams(request.body);
    const grant = form.get("grant_type");
    const refresh = form.get("refresh_token");
    if (grant !== "client_credentials" && grant !== "refresh_token")
      return json(200, { error: "unsupported_grant_type" });
    if (grant === "refresh_token" && !/^sandbox-./.test(refresh ?? "")) return json(400, { error: "invalid_grant" });
    const token = `eyJ${randomUUID()}`;
    issued.set(token, { key: refresh ?? request.key, expiresAtMs: nowMs() + TOKEN_SECONDS * 1_000 });
    return json(200, { access_token: token, token_type: "bearer", expires_in: TOKEN_SECONDS, scope: "*" });
  }

  function info(request: VendorRequest): VendorAnswer {
    const ids = (request.url.searchParams.get("id") ?? "").split(",").slice(0, MOST_IDS);
    const children = ids.flatMap((fullname): JsonObject[] => {
      const id = /^t3_([0-9a-z]+)$/.exec(fullname)?.[1];
      const post = id === undefined ? undefined : postOf(id);
      return post === undefined ? [] : [{ kind: "t3", data: submission(post, request.client) }];
    });
    return json(200, {
      kind: "Listing",
      data: { after: null, dist: children.length, modhash: "", geo_filter: "", children, before: null },
    });
  }

  function postOf(id: string): PlayedPost | undefined {
    const known = posts.find("reddit", id);
    if (known !== undefined) return known;
    if (UNKNOWN.test(id)) return undefined;
    const made = postByChance("reddit", id, null, nowMs());
    return DELETED.test(id) ? { ...made, state: "deleted" } : made;
  }

  function handle(request: VendorRequest): VendorAnswer {
    const { pathname } = request.url;
    // A client without a user agent of its own is slowed down.
    if (!AGENT.test(request.headers["user-agent"] ?? "")) return tooMany();
    if (links.isLink(pathname)) return links.answer(request.method, request.url);
    if (pathname === "/api/v1/access_token" && request.method === "POST") return issue(request);
    if (request.client === null) return unauthorized();
    if (pathname === "/api/info" && request.method === "GET") return info(request);
    return json(404, { message: "Not Found", error: 404 });
  }

  return {
    name: "reddit",
    secretParams: ["access_token"],
    keyOf,
    place: () => ({ from: null, to: null, page: 1 }),
    repage: (request) => request,
    handle,
    limits: {
      documented: { perMinute: 100, perSecond: null, countTwice: false },
      counts: ({ url }) => url.pathname === "/api/info",
      sayWhen: false,
      headers: ({ limits, remainingThisMinute, secondsToNextMinute }): Record<string, string> =>
        limits.perMinute === null
          ? {}
          : {
              "X-Ratelimit-Used": String(limits.perMinute - remainingThisMinute),
              "X-Ratelimit-Remaining": remainingThisMinute.toFixed(1),
              "X-Ratelimit-Reset": String(secondsToNextMinute),
            },
    },
    refusals: {
      unauthorized,
      rateLimited: (retryAfter) => tooMany(retryAfter),
      error: (status, message) => json(status, { message, error: status }),
    },
    rowsOf: (body) => {
      const data = isJsonObject(body) && isJsonObject(body["data"]) ? body["data"]["children"] : undefined;
      return Array.isArray(data) ? data.map((child) => (isJsonObject(child) ? (child["data"] ?? null) : null)) : [];
    },
    totalOf: () => null,
    dump: () => posts.list("reddit").map((post) => ({ ...post })),
    control: {
      ...links.control,
      /** Every token that was issued is refused from now on. */
      "DELETE /tokens": () => {
        const ended = issued.size;
        issued.clear();
        return { ended };
      },
    },
  };
}

function submission(post: PlayedPost, client: string | null): JsonObject {
  const isDeleted = post.state === "deleted";
  return {
    id: post.id,
    name: `t3_${post.id}`,
    title: isDeleted ? "[deleted by user]" : "Look what I found",
    selftext: isDeleted ? "[removed]" : "Words, and more words.",
    author: isDeleted ? "[deleted]" : (post.owner ?? "somebody_else"),
    author_fullname: "t2_4x1k2",
    subreddit: "deals",
    permalink: `/r/deals/comments/${post.id}/look_what_i_found/`,
    score: post.score,
    ups: post.score,
    upvote_ratio: 0.94,
    num_comments: post.comments,
    num_crossposts: 0,
    view_count: post.owner !== null && post.owner === client ? post.views : null,
    created_utc: Math.floor(Date.parse(post.postedAt) / 1_000),
    edited: false,
    removed_by_category: isDeleted ? "deleted" : null,
  };
}

const unauthorized = () => json(401, { message: "Unauthorized", error: 401 });

function tooMany(retryAfter: string | null = null): VendorAnswer {
  return json(
    429,
    { message: "Too Many Requests", error: 429 },
    retryAfter === null ? {} : { "Retry-After": retryAfter },
  );
}
