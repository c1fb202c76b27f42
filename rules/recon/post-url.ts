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

/** How a platform spells the addresses of its posts: part of its own file. */
export interface PostAddresses {
  /** Where its posts are; no other host passes. */
  hosts: RegExp;
  example: string;
  /** Null when the page is no post. */
  read: (page: Page) => PostAddress | null;
}

export interface NamedAddresses {
  name: string;
  addresses: PostAddresses;
}

/** An address of a host that is the platform's: what is left to look at. */
export interface Page {
  host: string;
  /** Without repeated or final slashes. */
  path: string;
  query: URLSearchParams;
}

const longestUrl = 2_000;

/** Reads a submitted address of a post on this platform. Nothing is asked of the network, and nothing but the platform's own hosts passes. */
export function readPostUrl({ name, addresses }: NamedAddresses, text: string): ReadPostUrl {
  const url = parse(text);
  if (typeof url === "string") return { ok: false, problem: url };
  const host = hostOf(url);
  if (!addresses.hosts.test(host)) return { ok: false, problem: `is not an address on ${name}` };
  const path = url.pathname.replaceAll(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
  const address = addresses.read({ host, path, query: url.searchParams });
  return address === null
    ? { ok: false, problem: `is not the address of a post on ${name}: one looks like ${addresses.example}` }
    : { ok: true, address };
}

/** Which of the platforms an address is on, by its host; null when none. */
export function platformOfUrl(platforms: readonly NamedAddresses[], text: string): string | null {
  const url = parse(text);
  if (typeof url === "string") return null;
  return platforms.find(({ addresses }) => addresses.hosts.test(hostOf(url)))?.name ?? null;
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

/** One text for every spelling of the post's address, and the id that the platform is asked by. */
export const postAt = (url: string, platformPostId: string): PostAddress => ({
  url,
  platformPostId,
  isShareLink: false,
});

export const shareLink = (url: string): PostAddress => ({ url, platformPostId: null, isShareLink: true });

/** Ids are numbers: zeros before one name nothing else. */
export const bareId = (id: string) => id.replace(/^0+(?=.)/, "");
