import type { FastifyReply, FastifyRequest } from "fastify";
import { parseUrl } from "../../core/parse-url.ts";
import type { Role } from "../../core/tokens.ts";
import type { Api, ServerParts } from "../../api/server/parts.ts";
import type { Assets } from "./assets.ts";

/** What each page's routes are given. */
export interface Web {
  api: Api;
  parts: ServerParts;
  assets: Assets;
}

/** Who looks at a page. */
export interface Viewer {
  client: string;
  role: Role | "affiliate";
  subject: string;
  affiliateId: string | null;
  advertiserId: string | null;
  /** May change things: start syncs, resolve alerts, edit the mapping. */
  isKeeper: boolean;
}

export const readers: Role[] = ["admin", "operator", "analyst"];
export const keepers: Role[] = ["admin", "operator"];

export function viewerOf({ caller, affiliate }: Pick<FastifyRequest, "caller" | "affiliate">): Viewer {
  if (affiliate !== null) {
    const { client, affiliateId } = affiliate;
    const subject = `affiliate/${affiliateId}`;
    return { client, role: "affiliate", subject, affiliateId, advertiserId: null, isKeeper: false };
  }
  if (caller === null) throw new Error("a public page asked who is looking");
  const { client, role, subject, advertiser } = caller;
  return { client, role, subject, affiliateId: null, advertiserId: advertiser, isKeeper: keepers.includes(role) };
}

/** One visit of a page: everything that it may look at. */
export interface At<Query> {
  parts: ServerParts;
  viewer: Viewer;
  query: Query;
  /** The address as it was asked for, to be changed in one part: `withQuery(at.url, { sort: "cost" })`. */
  url: URL;
  now: Date;
  /** The client's time zone and the day it is there. */
  zone: string;
  today: string;
  request: FastifyRequest;
  reply: FastifyReply;
}

/** The same address with other filters; a filter that is null is left out, and so is the place in a list. */
export function withQuery(url: URL, changed: Record<string, string | null>): string {
  const next = new URLSearchParams(url.search);
  if (!("cursor" in changed)) next.delete("cursor");
  for (const [name, value] of Object.entries(changed)) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  const search = next.toString();
  return search === "" ? url.pathname : `${url.pathname}?${search}`;
}

/** An address from outside may be shown as a link only when it leads to a web page: `javascript:` runs code. */
export function safeLink(address: string | null): string | null {
  const url = address === null ? null : parseUrl(address);
  if (url === null) return null;
  const { protocol, username, password } = url;
  return ["https:", "http:"].includes(protocol) && username === "" && password === "" ? address : null;
}
