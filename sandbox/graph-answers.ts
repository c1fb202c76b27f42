import {
  isJsonObject,
  json,
  type JsonObject,
  type JsonValue,
  type VendorAnswer,
  type VendorRequest,
  type WireRequest,
} from "./vendor.ts";

export const OLDEST_GRAPH_VERSION = 22;

let traces = 0;
const trace = () => `A${(traces += 1).toString(36).padStart(10, "0")}`;

/** An error as the Graph API words it; titles come in the account's language. */
export function graphError(
  code: number,
  message: string,
  more: { status?: number; subcode?: number } = {},
): VendorAnswer {
  return json(more.status ?? 400, {
    error: {
      message,
      type: "OAuthException",
      code,
      ...(more.subcode === undefined ? {} : { error_subcode: more.subcode }),
      is_transient: code === 2,
      error_user_title: "Ungültige Anfrage",
      error_user_msg: "Bitte prüfe die gesendeten Daten.",
      fbtrace_id: trace(),
    },
  });
}

export const expiredToken = (status = 400) =>
  graphError(190, "Error validating access token: Session has expired on a day that is over.", {
    status,
    subcode: 463,
  });

export const unknownObject = (id: string) =>
  graphError(
    100,
    `Unsupported get request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation.`,
    { subcode: 33 },
  );

export function graphKey({ headers, url }: WireRequest): string | null {
  return /^Bearer (.+)$/.exec(headers["authorization"] ?? "")?.[1] ?? url.searchParams.get("access_token");
}

/** What Instagram and the ad insights have in common of a vendor: the key, cursors, refusals and where rows lie. */
export const graphFrame = {
  secretParams: ["access_token"],
  keyOf: graphKey,
  place: ({ url }: WireRequest) => ({ from: null, to: null, page: pageAsked(url) || 1 }),
  refusals: {
    unauthorized: expiredToken,
    error: (status: number, message: string) => graphError(status >= 500 ? 2 : 100, message, { status }),
  },
  rowsOf: (body: JsonValue) => (isJsonObject(body) && Array.isArray(body["data"]) ? body["data"] : []),
  totalOf: () => null,
};

/** A request for the page of a list that a node has, by someone whose token is good; else what is answered instead. */
export function graphNode({
  url,
  client,
  key,
}: VendorRequest): { client: string; key: string; node: string; edge: string | undefined } | { refused: VendorAnswer } {
  const path = graphPath(url.pathname);
  if ("refused" in path) return path;
  if (client === null || key === null) return { refused: expiredToken() };
  const [node = "", edge] = path.place;
  return { client, key, node, edge };
}

/** The share of a limit that is used, in percent, as the headers of both say it. */
export function usedPercent(perMinute: number, remaining: number): number {
  return Math.floor(((perMinute - remaining) / perMinute) * 100);
}

/** The path below a version that is not too old; else what is wrong with it. */
function graphPath(pathname: string): { place: string[] } | { refused: VendorAnswer } {
  const [, version = "", ...place] = pathname.split("/");
  const major = Number(/^v(\d+)\.\d+$/.exec(version)?.[1] ?? 0);
  return major >= OLDEST_GRAPH_VERSION
    ? { place: place.map(decodeURIComponent) }
    : { refused: graphError(2635, "(#2635) You are calling a deprecated version of the API. Please update.") };
}

export interface PageWanted {
  url: URL;
  key: string;
  page: number;
  perPage: number;
}

/** One page of a list by cursor. The address of the next one has the caller's token in it, as Meta's has. */
export function graphPage<Item>(
  items: readonly Item[],
  describe: (item: Item) => JsonObject,
  { url, key, page, perPage }: PageWanted,
): VendorAnswer {
  const data = items.slice((page - 1) * perPage, page * perPage).map(describe);
  if (data.length === 0) return json(200, { data: [] });
  const cursor = (number: number) => Buffer.from(`page:${number}`).toString("base64url");
  const next = new URL(url);
  next.searchParams.set("access_token", key);
  next.searchParams.set("after", cursor(page + 1));
  const hasNext = items.length > page * perPage;
  return json(200, {
    data,
    paging: {
      cursors: { before: cursor(page), after: cursor(page + 1) },
      ...(hasNext ? { next: next.href } : {}),
    },
  });
}

/** Which page a request asks for; NaN for a cursor that was never given out. */
export function pageAsked({ searchParams }: URL): number {
  const after = searchParams.get("after");
  if (after === null) return 1;
  const [, page] = /^page:(\d+)$/.exec(Buffer.from(after, "base64url").toString()) ?? [];
  return Number(page ?? Number.NaN);
}
