/** What an address says about its post, without a request. */
export interface PostAddress {
  /** One text for every spelling of the post's address. */
  url: string;
  /** By which the platform is asked for the post's numbers; null where it cannot be, or not yet. */
  platformPostId: string | null;
  /** Leads to a post that only the platform can name. */
  isShareLink: boolean;
}

export type ReadPostUrl = { ok: true; address: PostAddress } | { ok: false; problem: string };

interface PlatformAddresses {
  hosts: RegExp;
  example: string;
  /** Null when the page is no post. */
  read: (page: Page) => PostAddress | null;
}

/** An address of a host that is the platform's: what is left to look at. */
interface Page {
  host: string;
  /** Without repeated or final slashes. */
  path: string;
  query: URLSearchParams;
}

const longestUrl = 2_000;

/** How each platform spells the addresses of posts. A new platform is an entry here beside its file in connectors/platforms/. */
const platforms: Record<string, PlatformAddresses> = {
  reddit: {
    // Languages are hosts too, and `np` is one that asks not to take part.
    hosts: /^(?:(?:www|old|new|np|m|i|amp|sh|[a-z]{2})\.)?reddit\.com$|^(?:www\.|v\.)?redd\.it$/,
    example: "https://www.reddit.com/r/name/comments/1abcde/",
    read: readReddit,
  },
  instagram: {
    hosts: /^(?:(?:www|m)\.)?instagram\.com$|^(?:www\.)?instagr\.am$/,
    example: "https://www.instagram.com/p/DAbCdEfGhIj/",
    read: readInstagram,
  },
  meta: {
    hosts: /^(?:(?:www|m|mbasic|touch|web|business|adsmanager)\.)?facebook\.com$|^(?:www\.)?fb\.(?:com|watch)$/,
    example: "https://www.facebook.com/adsmanager/manage/campaigns?act=123&selected_campaign_ids=1202100000",
    read: readMeta,
  },
};

export const postPlatforms: readonly string[] = Object.keys(platforms);

/** Reads a submitted address of a post on this platform. Nothing is asked of the network, and nothing but the platform's own hosts passes. */
export function readPostUrl(platform: string, text: string): ReadPostUrl {
  const rules = Object.hasOwn(platforms, platform) ? platforms[platform] : undefined;
  if (rules === undefined)
    return { ok: false, problem: `is on a platform we do not know; there are ${postPlatforms.join(", ")}` };
  const url = parse(text);
  if (typeof url === "string") return { ok: false, problem: url };
  const host = hostOf(url);
  if (!rules.hosts.test(host)) return { ok: false, problem: `is not an address on ${platform}` };
  const path = url.pathname.replaceAll(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
  const address = rules.read({ host, path, query: url.searchParams });
  return address === null
    ? { ok: false, problem: `is not the address of a post on ${platform}: one looks like ${rules.example}` }
    : { ok: true, address };
}

/** Which platform an address is on, by its host; null when none. */
export function platformOfUrl(text: string): string | null {
  const url = parse(text);
  if (typeof url === "string") return null;
  return postPlatforms.find((name) => platforms[name]?.hosts.test(hostOf(url)) === true) ?? null;
}

/** The problem as text when it is no address that could be one. */
function parse(text: string): URL | string {
  const trimmed = text.trim();
  if (trimmed === "") return "is empty";
  if (trimmed.length > longestUrl) return `is longer than ${longestUrl} characters`;
  // As people copy them out of an address bar.
  const bare = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+\//i.test(trimmed);
  const written = bare ? `https://${trimmed}` : trimmed;
  if (!URL.canParse(written)) return "is not an address";
  const url = new URL(written);
  if (url.protocol !== "https:" && url.protocol !== "http:") return "must start with https://";
  if (url.username !== "" || url.password !== "") return "must not name a user";
  if (url.port !== "") return "must not name a port";
  return url;
}

/** The parser has put it in small letters; a dot at the end means the same host. */
const hostOf = ({ hostname }: URL) => hostname.replace(/\.$/, "");

const post = (url: string, platformPostId: string): PostAddress => ({ url, platformPostId, isShareLink: false });
const share = (url: string): PostAddress => ({ url, platformPostId: null, isShareLink: true });

/** Ids are numbers: zeros before one name nothing else. */
const bareId = (id: string) => id.replace(/^0+(?=.)/, "");

function readReddit({ host, path }: Page): PostAddress | null {
  const found = (text: string) => {
    const id = bareId(text.toLowerCase());
    return post(`https://www.reddit.com/comments/${id}`, id);
  };
  if (host === "v.redd.it") {
    const [, code] = /^\/([\w-]{5,30})$/.exec(path) ?? [];
    return code === undefined ? null : share(`https://v.redd.it/${code}`);
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
    : share(`https://www.reddit.com/${kind.toLowerCase()}/${name.toLowerCase()}/s/${code}`);
}

function readInstagram({ path }: Page): PostAddress | null {
  const [, shared, sharedCode] = /^\/share((?:\/(?:p|reel))?)\/([\w-]{5,64})$/.exec(path) ?? [];
  if (sharedCode !== undefined && shared !== undefined)
    return share(`https://www.instagram.com/share${shared}/${sharedCode}`);
  // One medium has the same code under all of these; capitals and small letters are different codes.
  const [, code] = /^(?:\/(?!share\/)[\w.]+)?\/(?:p|reel|reels|tv)\/(?!audio$)([\w-]{5,64})$/.exec(path) ?? [];
  return code === undefined ? null : post(`https://www.instagram.com/p/${code}`, code);
}

/**
 * An organic post's canonical address leaves out whose page it is on: that is often a person's name. It has no id here:
 * of such a post the platform reports only to its page, and asking for it by this number would find something else.
 */
function readMeta({ host, path, query }: Page): PostAddress | null {
  if (host.endsWith("fb.watch")) {
    const [, code] = /^\/([\w-]{5,30})$/.exec(path) ?? [];
    return code === undefined ? null : share(`https://fb.watch/${code}`);
  }
  if (/^\/(?:adsmanager|ads\/manager)(?:\/|$)/.test(path)) return readAd(query);
  const [, kind, code] = /^\/share((?:\/[prv])?)\/(\w{5,40})$/.exec(path) ?? [];
  if (kind !== undefined && code !== undefined) return share(`https://www.facebook.com/share${kind}/${code}`);
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
    return post(`https://www.facebook.com/adsmanager/manage/${tab}?${chosen}=${bareId(id)}`, bareId(id));
  }
  return null;
}
