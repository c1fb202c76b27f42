import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { describeIssues } from "../../core/typed.ts";
import { bareId, postAt, shareLink, type Page, type PostAddress } from "../../rules/recon/post-url.ts";
import { ConnectorError } from "../errors.ts";
import { count, wholeNumber } from "../fields.ts";
import type { Http } from "../http.ts";
import type { AnswerHeaders, PageRequest, Quota, Refusal, Vendor } from "../source.ts";
import { createTokenCache } from "./access-tokens.ts";
import { linkBaseUrl, nothingVerified, postIdOf, type Platform, type PlatformAnswer } from "./platform.ts";

const secrets = z.object({
  REDDIT_CLIENT_ID: z
    .string()
    .min(1)
    .meta(about("An application of reddit.com/prefs/apps; new ones need Reddit's approval.")),
  REDDIT_CLIENT_SECRET: z.string().min(1).meta(about("Its secret.")),
});

const settings = z.object({
  REDDIT_USER_AGENT: z
    .string()
    .regex(/^[\w.-]+:[\w.-]+:[\w.-]+ \(by \/u\/[\w-]+\)$/, "must look like web:my-app:1.0 (by /u/my-name)")
    .default("node:signal-room:0.1 (by /u/signal-room)")
    .meta(
      about("Who asks, with your own name: Reddit slows down or turns away others.", {
        clients: "shared",
        example: "web:example.signal-room:0.1 (by /u/example)",
      }),
    ),
  REDDIT_TOKENS_BASE_URL: z
    .url()
    .optional()
    .meta(about("Where access tokens are asked for.", { clients: "shared", unset: "`https://www.reddit.com`" })),
  REDDIT_LINK_BASE_URL: linkBaseUrl,
});

type Credentials = Record<string, string>;

/** 100 calls a minute, averaged over ten minutes: what its headers say spreads them. */
const vendor: Vendor<typeof secrets> = {
  name: "reddit",
  baseUrl: "https://oauth.reddit.com",
  addresses: { tokens: "https://www.reddit.com" },
  pace: { intervalMs: 50, concurrent: 2 },
  secrets,
  settings,
  quota: redditQuota,
  refusal: redditRefusal,
  classify: classifyReddit,
  unhintedWaitMs: 60_000,
  probe: (account, set) => probeRequest({ ...account, ...set }),
};

/** Views are shown to a post's author alone, so only an affiliate's own token verifies them; the score is fuzzed. */
export const reddit: Platform = {
  name: "reddit",
  vendor: vendor as Vendor,
  addresses: {
    // Languages are hosts too, and `np` is one that asks not to take part.
    hosts: /^(?:(?:www|old|new|np|m|i|amp|sh|[a-z]{2})\.)?reddit\.com$|^(?:www\.|v\.)?redd\.it$/,
    example: "https://www.reddit.com/r/name/comments/1abcde/",
    read: readAddress,
  },
  hosts: [
    ...["reddit.com", "www.reddit.com", "old.reddit.com", "new.reddit.com", "np.reddit.com", "sh.reddit.com"],
    ...["m.reddit.com", "i.reddit.com", "amp.reddit.com", "redd.it", "www.redd.it", "v.redd.it"],
  ],
  verifies: ["views"],
  ownCredentials: ["REDDIT_REFRESH_TOKEN", "REDDIT_ACCESS_TOKEN"],
  fetchMetrics,
};

const ratio = z.unknown().transform((value) => (Number.isFinite(Number(value)) ? Number(value) : undefined));

const post = z.object({
  id: z.string(),
  score: wholeNumber.optional(),
  ups: wholeNumber.optional(),
  upvote_ratio: ratio.optional(),
  num_comments: count.optional(),
  num_crossposts: count.optional(),
  view_count: count.nullish(),
  removed_by_category: z.string().nullish(),
  author: z.string().nullish(),
});

const listing = z.object({
  kind: z.literal("Listing"),
  data: z.object({ children: z.array(z.object({ kind: z.string(), data: z.looseObject({ id: z.string() }) })) }),
});

async function fetchMetrics({
  http,
  post: reference,
  credentials,
}: Parameters<Platform["fetchMetrics"]>[0]): Promise<PlatformAnswer> {
  const id = postIdOf(reddit, reference);
  if (id === null || !/^[0-9a-z]{2,13}$/i.test(id))
    return { kind: "unknown_post", reason: "the address holds no Reddit post id" };
  const answer = listing.safeParse(
    await authorized(http, credentials, (authorization) =>
      infoRequest(credentials, `t3_${id.toLowerCase()}`, authorization),
    ),
  );
  if (!answer.success) throw new ConnectorError("malformed", "reddit answered no listing");
  const child = answer.data.data.children.find(({ kind, data }) => kind === "t3" && data.id === id.toLowerCase());
  if (child === undefined) return { kind: "unknown_post", reason: "Reddit knows no post with this id" };
  const read = post.safeParse(child.data);
  if (!read.success) throw new ConnectorError("malformed", `reddit: ${describeIssues(read.error).join("; ")}`);
  // The author's name serves to recognise a deleted post, and is not kept.
  const { author, ...kept } = read.data;
  if (typeof kept.removed_by_category === "string")
    return { kind: "deleted", reason: `removed (${kept.removed_by_category.slice(0, 40)})` };
  if (author === "[deleted]") return { kind: "deleted", reason: "its author deleted it" };
  const { score, upvote_ratio: ratio, num_comments: comments, num_crossposts: crossposts } = kept;
  return {
    kind: "metrics",
    metrics: {
      ...nothingVerified,
      // Null for everybody but the author: not zero.
      views: kept.view_count ?? null,
      hints: hintsOf({ score, upvoteRatio: ratio, comments, crossposts }),
      raw: kept,
    },
  };
}

function hintsOf(numbers: Record<string, number | undefined>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(numbers).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  );
}

function infoRequest(credentials: Credentials, id: string, authorization: string): PageRequest {
  return {
    path: "/api/info",
    query: { id, raw_json: 1 },
    headers: { authorization, "user-agent": agentOf(credentials) },
  };
}

/** An access token is tried by asking for a post, as no other token has to be got for it. */
function probeRequest(credentials: Credentials): PageRequest {
  const given = credentials["REDDIT_ACCESS_TOKEN"];
  return given === undefined ? tokenRequest(credentials) : infoRequest(credentials, "t3_1", `bearer ${given}`);
}

const tokens = createTokenCache();

/** Asks with a token; one that is refused early is refreshed, once. */
async function authorized(
  http: Http,
  credentials: Credentials,
  request: (authorization: string) => PageRequest,
): Promise<unknown> {
  const given = credentials["REDDIT_ACCESS_TOKEN"];
  if (given !== undefined) return http.json(request(`bearer ${given}`));
  const key = ["REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET", "REDDIT_REFRESH_TOKEN"].map(
    (name) => credentials[name] ?? "",
  );
  const token = await tokens.get(key, () => askForToken(http, credentials));
  try {
    return await http.json(request(`bearer ${token}`));
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== "401") throw error;
    await tokens.forget(key, token);
    return http.json(request(`bearer ${await tokens.get(key, () => askForToken(http, credentials))}`));
  }
}

const issued = z.object({ access_token: z.string().min(1), token_type: z.string(), expires_in: count });

async function askForToken(http: Http, credentials: Credentials) {
  const answer = issued.safeParse(await http.json(tokenRequest(credentials)));
  if (!answer.success) throw new ConnectorError("malformed", "reddit issued a token in another form than expected");
  return { token: answer.data.access_token, lifetimeMs: answer.data.expires_in * 1_000 };
}

function tokenRequest(credentials: Credentials): PageRequest {
  const { REDDIT_CLIENT_ID: id = "", REDDIT_CLIENT_SECRET: secret = "", REDDIT_REFRESH_TOKEN: refresh } = credentials;
  return {
    method: "POST",
    at: "tokens",
    path: "/api/v1/access_token",
    headers: {
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`,
      "user-agent": agentOf(credentials),
    },
    form:
      refresh === undefined
        ? { grant_type: "client_credentials" }
        : { grant_type: "refresh_token", refresh_token: refresh },
  };
}

const agentOf = (credentials: Credentials) => credentials["REDDIT_USER_AGENT"] ?? settings.parse({}).REDDIT_USER_AGENT;

const said = z.object({
  message: z.string().catch(""),
  error: z.union([z.number(), z.string()]).optional().catch(undefined),
});

/** Reddit's own word for it goes along: 401 is what a new token may help with. */
export function classifyReddit(status: number, body: unknown): Refusal {
  const { message, error } = said.catch({ message: "" }).parse(body);
  const found = { message: `${error ?? status}: ${message.slice(0, 160)}`, code: String(status) };
  // A refresh token that was taken back is refused with 400.
  if (status === 401 || status === 403 || error === "invalid_grant") return { kind: "unauthorized", ...found };
  if (status === 429) return { kind: "rate_limited", ...found, retryAfterMs: 60_000 };
  return { kind: status === 408 || status >= 500 ? "unavailable" : "rejected", ...found };
}

/** A refusal may come as 200: an answer of this kind has an error and no kind. */
export function redditRefusal(body: unknown): Refusal | null {
  const found = z.object({ kind: z.undefined().optional(), error: z.unknown() }).safeParse(body);
  if (!found.success || found.data.error === undefined) return null;
  const { error } = found.data;
  return classifyReddit(typeof error === "number" && error >= 400 ? error : 400, body);
}

/** `Remaining` has a fraction. Once half is used, the rest is spread over what remains of the ten minutes. */
export function redditQuota(headers: AnswerHeaders): Quota | null {
  const [used, remaining, resetSeconds] = ["used", "remaining", "reset"].map((name) => {
    const value = headers.get(`x-ratelimit-${name}`);
    return value === null || !/^\d+(\.\d+)?$/.test(value) ? null : Number(value);
  });
  if (used == null || remaining == null || resetSeconds == null) return null;
  const resetsInMs = resetSeconds * 1_000;
  const all = used + remaining;
  const waitMs = remaining < 1 ? resetsInMs : remaining < used ? Math.ceil(resetsInMs / remaining) : 0;
  return { waitMs, used: { percent: all === 0 ? 100 : Math.round((used / all) * 100), resetsInMs } };
}

function readAddress({ host, path }: Page): PostAddress | null {
  const found = (text: string) => {
    const id = bareId(text.toLowerCase());
    return postAt(`https://www.reddit.com/comments/${id}`, id);
  };
  if (host === "v.redd.it") {
    const [, code] = /^\/([\w-]{5,30})$/.exec(path) ?? [];
    return code === undefined ? null : shareLink(`https://v.redd.it/${code}`);
  }
  // A short link holds the post's own id: no request is needed.
  if (host.endsWith("redd.it")) {
    const [, id] = /^\/(?:tb\/)?([0-9a-z]{2,13})$/i.exec(path) ?? [];
    return id === undefined ? null : found(id);
  }
  // What follows the title is a comment: another thing, with numbers of its own.
  const [, id] = /^(?:\/(?:r|u|user)\/[\w-]+)?\/(?:comments|gallery)\/([0-9a-z]{2,13})(?:\/[^/]*)?$/i.exec(path) ?? [];
  if (id !== undefined) return found(id);
  const [, kind, name, code] = /^\/(r|u|user)\/([\w-]+)\/s\/(\w{5,30})$/i.exec(path) ?? [];
  return kind === undefined || name === undefined || code === undefined
    ? null
    : shareLink(`https://www.reddit.com/${kind.toLowerCase()}/${name.toLowerCase()}/s/${code}`);
}
