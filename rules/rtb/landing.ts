import { domainToUnicode } from "node:url";
import { parse as parseHost } from "tldts";
import { parseUrl } from "../../core/parse-url.ts";
import { isShared, targetParameters, trackerOf } from "./link-hosts.ts";
import { cleanAddress, decoded } from "./macros.ts";
import { appOf, type StoreApp } from "./store-app.ts";

export interface Landing {
  /** Without macros, query and fragment: what follows there is about a click, not about the page. */
  url: string | null;
  host: string | null;
  /** The part of the host that one owner registered, `shop.myshopify.com` included; Unicode as people read it. */
  domain: string | null;
  app: StoreApp | null;
  /** `dropfrenzy` of `dropfrenzy.onelink.me`, where such a link names no app. */
  linkName: string | null;
  /** The scheme of an app's own link, `dropfrenzy` of `dropfrenzy://open`. */
  scheme: string | null;
  /** Trackers that the click passes, in order. */
  via: string[];
  /** Whose place it is: an app's, an owner's site, a place that many share, only a tracker's, or nothing readable. */
  kind: "app" | "site" | "shared" | "tracker" | "none";
}

/** Trackers lead to trackers; a chain that is longer than this leads nowhere. */
const mostSteps = 3;

const nowhere: Landing = {
  url: null,
  host: null,
  domain: null,
  app: null,
  linkName: null,
  scheme: null,
  via: [],
  kind: "none",
};

/** Where a click leads, as far as the address itself says. Nothing is asked of the network; nothing makes it throw. */
export function readLanding(text: string): Landing {
  let at = parseAddress(cleanAddress(text));
  if (at === null) return nowhere;
  const via: string[] = [];
  let linkName: string | null = null;
  for (let step = 0; step <= mostSteps; step += 1) {
    const app = appOf(at);
    if (app !== null) return { ...nowhere, url: storePage(app), host: bareHost(at), app, linkName, via, kind: "app" };
    const page = pageOfIntent(at);
    if (page !== null) {
      at = page;
      continue;
    }
    if (!isWeb(at)) return { ...nowhere, scheme: at.protocol.slice(0, -1), linkName, via, kind: "app" };
    const tracker = passesOn(at);
    if (tracker === null) return { ...placeOf(at), linkName, via };
    via.push(at.hostname);
    linkName ??= tracker.ownSubdomains ? ownName(at.hostname, tracker.host) : null;
    const next = targetOf(at);
    if (next === null || step === mostSteps) break;
    at = next;
  }
  return { ...nowhere, host: at.hostname, linkName, via, kind: "tracker" };
}

const isWeb = ({ protocol }: URL) => protocol === "https:" || protocol === "http:";

/** What runs or holds data itself is no place a click leads to. */
const unsafe = /^(?:javascript|data|blob|file|about|vbscript|mailto|tel|sms|chrome|ws|wss|ftp):$/;

function parseAddress(text: string): URL | null {
  const written = text.startsWith("//")
    ? `https:${text}`
    : /^[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,10}(?::\d{1,5})?(?:[/?#]|$)/i.test(text)
      ? `https://${text}`
      : text;
  const url = parseUrl(written);
  if (url === null) return null;
  if (unsafe.test(url.protocol)) return null;
  if (isWeb(url)) return url.hostname === "" ? null : url;
  // Anything with a colon parses: an app's own link has two slashes, too.
  return /^[a-z][a-z0-9+.-]{1,60}:\/\//i.test(written) ? url : null;
}

/** Android's own spelling of a page: `intent://foo.example/x#Intent;scheme=https;end`, or the page for who lacks the app. */
function pageOfIntent(url: URL): URL | null {
  if (url.protocol !== "intent:") return null;
  const [, fallback] = /;S\.browser_fallback_url=([^;]+);/.exec(url.hash) ?? [];
  if (fallback !== undefined) return webOnly(parseAddress(cleanAddress(fallback)));
  return /;scheme=https?;/.test(url.hash)
    ? webOnly(parseAddress(`https://${url.host}${url.pathname}${url.search}`))
    : null;
}

const webOnly = (url: URL | null) => (url !== null && isWeb(url) ? url : null);

/** Some addresses pass a click on though their host is no tracker. */
function passesOn({ hostname, pathname }: URL): { host: string; ownSubdomains: boolean } | null {
  const isGoogles = /^(?:www\.)?google\.[a-z.]{2,6}$/.test(hostname);
  if (isGoogles && /^\/(?:url|aclk|pagead\/aclk)$/.test(pathname)) return { host: hostname, ownSubdomains: false };
  return trackerOf(hostname);
}

/** `dropfrenzy-alternate` and `dropfrenzy` are the same links of Branch. */
function ownName(hostname: string, trackerHost: string): string | null {
  const name = hostname.slice(0, -trackerHost.length - 1).replace(/^www\./, "");
  const bare = name.replace(/-(?:alternate|test)$/, "");
  return bare === "" || bare === "www" ? null : bare;
}

/** The address a tracker passes on to: in a parameter, in the path, or as the whole query. A store's before a page's before an app's own. */
function targetOf(url: URL): URL | null {
  const found = writtenTargets(url).map((text) => parseAddress(cleanAddress(text)));
  const targets = found.filter(
    (target): target is URL => target !== null && (target.hostname.includes(".") || !isWeb(target)),
  );
  return targets.find((target) => appOf(target) !== null) ?? targets.find(isWeb) ?? targets[0] ?? null;
}

function writtenTargets(url: URL): string[] {
  // `…/ddm/clk/1;2;a?https://…`: the parameters that follow are the target's own.
  if (/^\?https?(?::|%3a)/i.test(url.search)) return [url.search.slice(1) + url.hash];
  const named = targetParameters.flatMap((name) => {
    const value = url.searchParams.get(name);
    return value === null || value === "" ? [] : [value];
  });
  const rest = url.pathname + url.search;
  // `…;cpdir=https://…`, `/click/destination:https%3A%2F%2F…`, `/clk/1;2;a?https://…`
  const inside = /(?:[?;,!=:/]|^)(https?(?::|%3a)(?:\/|%2f){2}[^\s]*)$/i.exec(rest.slice(1, 4_000))?.[1];
  return inside === undefined ? named : [...named, inside];
}

const bareHost = ({ hostname }: URL) => hostname.replace(/\.$/, "").replace(/^www\./, "");

const storePage = ({ store, id }: StoreApp) =>
  store === "android" ? `https://play.google.com/store/apps/details?id=${id}` : `https://apps.apple.com/app/id${id}`;

function placeOf(url: URL): Landing {
  const { domain, domainWithoutSuffix, isIp } = parseHost(url.hostname, { allowPrivateDomains: true });
  // A suffix such as myshopify.com by itself belongs to all who publish under it.
  const suffixOnly = domain === null && isIp !== true ? parseHost(url.hostname).domain : null;
  const registered = domain ?? suffixOnly;
  const shared = suffixOnly !== null || (domain !== null && isShared(domain, domainWithoutSuffix ?? ""));
  const host = bareHost(url);
  return {
    ...nowhere,
    url: `https://${host}${url.pathname.slice(0, 500)}`,
    host,
    domain: registered === null ? null : readable(registered),
    kind: shared ? "shared" : "site",
  };
}

const readable = (domain: string) => domainToUnicode(domain) || domain;

/** What says that two addresses lead to the same thing; null where an address does not say what it leads to. */
export function landingKey({ app, linkName, domain, scheme, kind }: Landing): string | null {
  if (app !== null) return `${app.store}:${app.id}`;
  if (kind === "site" && domain !== null) return `domain:${domain}`;
  if (linkName !== null) return `link:${linkName}`;
  return scheme === null || plainSchemes.has(scheme) ? null : `scheme:${scheme}`;
}

/** Schemes that say nothing of whose app they open. */
const plainSchemes = new Set(["app", "open", "intent", "market", "android-app", "deeplink", "link", "fb", "web"]);

/** Words of the page's path that may say what it is about, the first ones. */
export function pathWords({ url, kind }: Landing): string[] {
  if (url === null || kind !== "site") return [];
  const path = decoded(url.replace(/^https:\/\/[^/]*/, "")).toLowerCase();
  return path
    .replace(/\.(?:html?|php|aspx?)$/, "")
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 2 && word.length < 30 && !/^\d+$/.test(word))
    .slice(0, 10);
}
