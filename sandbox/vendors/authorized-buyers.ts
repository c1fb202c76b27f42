import { createPublicKey, randomBytes, verify, type KeyObject } from "node:crypto";
import { z } from "zod";
import { presentMs } from "../clock.ts";
import { bidderId, makeCreatives, seats, type MadeCreative } from "../data/creatives.ts";
import { clientOfEmail } from "../google-account.ts";
import { createPretargeting } from "../pretargeting.ts";
import {
  json,
  type JsonObject,
  type Surroundings,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
} from "../vendor.ts";

const TOKEN_SECONDS = 3_599;
const SCOPE = "https://www.googleapis.com/auth/realtime-bidding";
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/** A page token lives so long from the first page on. */
const SNAPSHOT_MS = 5 * 3_600_000;

const accountBody = z.strictObject({ email: z.string().min(3), publicKey: z.string(), client: z.string() });
const named = z.strictObject({ buyerId: z.string(), creativeId: z.string() });
const changed = named.extend({ advertiserName: z.string() });
const movingBody = z.strictObject({ on: z.boolean() });
const countBody = z.strictObject({ buyerId: z.string(), count: z.int().min(0).nullable() });
const sizeBody = z.strictObject({ rows: z.int().positive() });

/** Google's Real-time Bidding API as of intelligence.md, section a. */
// eslint-disable-next-line max-lines-per-function -- one mock vendor: short functions over the state of one server
export function createAuthorizedBuyers({ clock, googleKey }: Surroundings): Vendor {
  const nowMs = () => presentMs(clock.settings());
  const all: MadeCreative[] = makeCreatives();
  const gone = new Set<string>();
  const counted = new Map<string, number>();
  const accounts = new Map<string, { key: KeyObject; client: string }>();
  const tokens = new Map<string, { client: string; untilMs: number }>();
  const snapshots = new Map<string, { ids: string[]; madeMs: number }>();
  let mostRows = 1_000;
  let isMoving = false;
  let pagesUntilLost = Infinity;
  const pretargeting = createPretargeting(failure);
  const nameOf = ({ buyerId, creativeId }: { buyerId: string; creativeId: string }) => `${buyerId}/${creativeId}`;
  const active = (buyerId: string) => all.filter((one) => one.buyerId === buyerId && !gone.has(nameOf(one)));

  /** One that was made known, or one of the sandbox's own. */
  function accountOf(email: string): { key: KeyObject; client: string } | undefined {
    const client = clientOfEmail(email);
    return accounts.get(email) ?? (client === null || googleKey === undefined ? undefined : { key: googleKey, client });
  }

  function token(request: VendorRequest): VendorAnswer {
    const form = new URLSearchParams(request.body);
    const [head = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
    const said = readPart(claims);
    const account = accountOf(String(said["iss"] ?? ""));
    const seconds = nowMs() / 1_000;
    const refused = (why: string) => json(400, { error: "invalid_grant", error_description: why });
    if (form.get("grant_type") !== GRANT) return json(400, { error: "unsupported_grant_type" });
    if (account === undefined) return refused("Invalid grant: account not found");
    if (readPart(head)["alg"] !== "RS256") return refused("Invalid JWT: alg");
    if (!verify("RSA-SHA256", Buffer.from(`${head}.${claims}`), account.key, Buffer.from(signature, "base64url")))
      return refused("Invalid JWT Signature.");
    if (said["scope"] !== SCOPE) return json(400, { error: "invalid_scope" });
    if (!String(said["aud"]).endsWith("/token")) return refused("Invalid JWT: aud");
    const [iat, exp] = [Number(said["iat"]), Number(said["exp"])];
    if (!(exp <= iat + 3_600 && exp > seconds && iat < seconds + 300)) return refused("Invalid JWT: exp or iat");
    const text = `ya29.${randomBytes(24).toString("base64url")}`;
    tokens.set(text, { client: account.client, untilMs: nowMs() + TOKEN_SECONDS * 1_000 });
    return json(200, { access_token: text, expires_in: TOKEN_SECONDS, token_type: "Bearer" });
  }

  function handle(request: VendorRequest): VendorAnswer {
    const { pathname, searchParams } = request.url;
    if (pathname === "/token")
      return request.method === "POST" ? token(request) : failure(404, "NOT_FOUND", "not found");
    const bearer = /^Bearer (.+)$/.exec(request.headers["authorization"] ?? "")?.[1] ?? "";
    const known = tokens.get(bearer);
    if (known === undefined || known.untilMs <= nowMs()) return unauthenticated();
    const ofPretargeting = pretargeting.handle(request, known.client);
    if (ofPretargeting !== null) return ofPretargeting;
    if (request.method !== "GET") return failure(404, "NOT_FOUND", "not found");
    if (pathname === "/v1/buyers") return json(200, { buyers: seats.map((seat) => buyer(seat)) });
    const buyerId = /^\/v1\/buyers\/([^/]+)\/creatives$/.exec(pathname)?.[1];
    if (buyerId === undefined) return failure(404, "NOT_FOUND", "not found");
    if (!seats.some((seat) => seat.buyerId === buyerId))
      return failure(403, "PERMISSION_DENIED", "The caller does not have permission");
    return creatives(buyerId, searchParams);
  }

  const buyer = ({ buyerId, displayName, billingIds }: (typeof seats)[number]): JsonObject => ({
    name: `buyers/${buyerId}`,
    displayName,
    bidder: `bidders/${bidderId}`,
    billingIds: [...billingIds],
    activeCreativeCount: String(counted.get(buyerId) ?? active(buyerId).length),
    maximumActiveCreativeCount: "10000",
  });

  /** A list is a snapshot of its first page, whatever becomes of the creatives meanwhile. */
  function creatives(buyerId: string, query: URLSearchParams): VendorAnswer {
    const pageSize = Math.min(mostRows, Number(query.get("pageSize") ?? "100"));
    if (!Number.isInteger(pageSize) || pageSize < 1) return failure(400, "INVALID_ARGUMENT", "pageSize");
    const [name = "", from = "0"] = (query.get("pageToken") ?? "").split(".");
    let snapshot = snapshots.get(name);
    if (name !== "" && (snapshot === undefined || nowMs() - snapshot.madeMs > SNAPSHOT_MS))
      return failure(400, "INVALID_ARGUMENT", "Invalid page token");
    const key = name === "" ? randomBytes(9).toString("base64url") : name;
    snapshot ??= { ids: active(buyerId).map(({ creativeId }) => creativeId), madeMs: nowMs() };
    snapshots.set(key, snapshot);
    const ids = snapshot.ids.slice(Number(from), Number(from) + pageSize);
    // One goes to the end after each page: the one behind it is passed over, and it comes twice.
    if (isMoving) {
      snapshot.ids.push(...snapshot.ids.splice(0, 1));
      all.push(
        ...all.splice(
          all.findIndex((made) => made.buyerId === buyerId),
          1,
        ),
      );
    }
    pagesUntilLost -= 1;
    if (pagesUntilLost <= 0) {
      snapshots.clear();
      pagesUntilLost = Infinity;
    }
    const end = Number(from) + ids.length;
    const isFull = query.get("view") === "FULL";
    return json(200, {
      creatives: ids.flatMap((creativeId) => {
        const one = all.find((made) => made.buyerId === buyerId && made.creativeId === creativeId);
        return one === undefined ? [] : [isFull ? one.wire : decisionAlone(one.wire)];
      }),
      ...(end < snapshot.ids.length ? { nextPageToken: `${key}.${end}` } : {}),
    });
  }

  return {
    name: "authorized_buyers",
    secretParams: [],
    keyOf: ({ headers, body, url }) => {
      if (url.pathname === "/token")
        return String(readPart((new URLSearchParams(body).get("assertion") ?? "").split(".")[1] ?? "")["iss"] ?? "");
      return headers["authorization"] ?? null;
    },
    place: ({ url }) => ({
      from: null,
      to: null,
      page: Number(url.searchParams.get("pageToken")?.split(".")[1] ?? "0"),
    }),
    repage: (request, { pageSize }) => {
      const url = new URL(request.url);
      if (pageSize !== undefined) url.searchParams.set("pageSize", String(pageSize));
      return { ...request, url };
    },
    handle,
    limits: {
      documented: { perMinute: null, perSecond: null, countTwice: false },
      counts: ({ url }) => url.pathname !== "/token",
      headers: () => ({}),
    },
    refusals: {
      unauthorized: unauthenticated,
      rateLimited: (retryAfter) => quotaSpent(retryAfter),
      error: (status, text) => failure(status, status >= 500 ? "UNAVAILABLE" : "INVALID_ARGUMENT", text),
    },
    rowsOf: (body) =>
      typeof body === "object" && body !== null && "creatives" in body ? (body["creatives"] as []) : [],
    totalOf: () => null,
    dump: () => seats.flatMap(({ buyerId }) => active(buyerId).map(({ wire }) => wire)),
    control: {
      ...pretargeting.control,
      /** Who may sign, with the public half of the key. */
      "POST /service-accounts": (body) => {
        const { email, publicKey, client } = accountBody.parse(body);
        accounts.set(email, { key: createPublicKey(publicKey), client });
        return { email };
      },
      /** What the list of seats says of a seat's creatives, whatever its own list has; null: the truth again. */
      "POST /active-count": (body) => {
        const { buyerId, count } = countBody.parse(body);
        if (count === null) counted.delete(buyerId);
        else counted.set(buyerId, count);
        return {};
      },
      "POST /expire-tokens": () => {
        tokens.clear();
        return {};
      },
      "POST /vanish": (body) => {
        const name = nameOf(named.parse(body));
        gone.add(name);
        return { name };
      },
      "POST /return": (body) => {
        const name = nameOf(named.parse(body));
        gone.delete(name);
        return { name };
      },
      "POST /change": (body) => {
        const { advertiserName, ...one } = changed.parse(body);
        const found = all.find((made) => nameOf(made) === nameOf(one));
        if (found === undefined) throw new RangeError(`no creative ${nameOf(one)}`);
        found.wire = { ...found.wire, advertiserName };
        return { name: nameOf(one) };
      },
      /** Lists are lost once, when so many pages more were read. */
      "POST /lose-lists": (body) => {
        pagesUntilLost = sizeBody.parse(body).rows;
        return { pages: pagesUntilLost };
      },
      /** Whether a list moves while its pages are read, where the vendor promises that it does not. */
      "POST /moving": (body) => {
        isMoving = movingBody.parse(body).on;
        return { isMoving };
      },
      /** The server may return fewer than were asked for. */
      "POST /page-size": (body) => {
        mostRows = sizeBody.parse(body).rows;
        return { rows: mostRows };
      },
    },
  };
}

function readPart(text: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function decisionAlone(wire: JsonObject): JsonObject {
  const { name = null, accountId = null, creativeId = null, creativeServingDecision = null } = wire;
  return { name, accountId, creativeId, creativeServingDecision };
}

const failure = (code: number, status: string, message: string, details: JsonObject[] = []) =>
  json(code, { error: { code, message, status, ...(details.length === 0 ? {} : { details }) } });

const unauthenticated = () =>
  failure(401, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token.");

const quotaSpent = (retryAfter: string | null) =>
  failure(
    429,
    "RESOURCE_EXHAUSTED",
    "Quota exceeded for quota metric 'Requests'",
    retryAfter === null ? [] : [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${retryAfter}s` }],
  );
