import { randomBytes } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { sha256 } from "../../core/crypto.ts";
import { createSession, findOpenSessions, findSession, type SessionHolder } from "../../queries/ops/sessions.ts";
import { ApiError, notFound } from "./errors.ts";
import { createGoodCredentials } from "./good-credentials.ts";
import type { ServerParts } from "./parts.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The number of the session that a page was asked for with. */
    sessionId: number | null;
    /** The hash of its cookie, where that has proved good before calls are counted. */
    sessionHash: string | null;
  }
}

/** Only a page of ours may send what changes something: a form on another site comes without our cookie or with its origin. */
const safeMethods = ["GET", "HEAD", "OPTIONS"];

export const hashOfSession = (id: string) => sha256(`session ${id}`);

/** On https the browser itself keeps the cookie to this host. */
const cookieName = (isSecure: boolean) => (isSecure ? "__Host-session" : "session");

export interface OpenedBy {
  loggedInBy: string;
  keyHash?: string;
}

/** Logs somebody in: a new id each time, so that one known before does not work afterwards. */
export async function openSession(
  { database, settings }: Pick<ServerParts, "database" | "settings">,
  at: { request: FastifyRequest; reply: FastifyReply },
  holder: SessionHolder,
  { loggedInBy, keyHash }: OpenedBy,
): Promise<void> {
  const id = randomBytes(32).toString("base64url");
  const hours = settings.sessionHours;
  const browser = browserOf(at.request.headers["user-agent"] ?? "");
  await createSession(database, {
    ...holder,
    sessionHash: hashOfSession(id),
    keyHash: keyHash ?? null,
    loggedInBy,
    browser,
    hours,
  });
  const isSecure = at.request.protocol === "https";
  at.reply.setCookie(cookieName(isSecure), id, {
    path: "/",
    httpOnly: true,
    // A link in a mail and the way back from an identity provider arrive logged in; what changes something is checked below.
    sameSite: "lax",
    secure: isSecure,
    maxAge: hours * 3_600,
  });
}

export function forgetSession(request: FastifyRequest, reply: FastifyReply): void {
  reply.clearCookie(cookieName(request.protocol === "https"), { path: "/" });
}

export interface Logins {
  /** Before the limits are counted: whether calls count against the session or the address. */
  note: (request: FastifyRequest) => Promise<void>;
  /** After them: who is logged in. */
  find: (request: FastifyRequest) => Promise<void>;
}

/** Finds who is logged in, for routes that are pages. A token is not looked at there, and a cookie nowhere else. */
export function createLogins({ reading, config }: Pick<ServerParts, "reading" | "config">): Logins {
  const good = createGoodCredentials((hashes) => findOpenSessions(reading, hashes));
  return {
    async note(request) {
      const hash = hashOfCookie(request);
      if (hash !== null && (await good.isGood(hash))) request.sessionHash = hash;
    },
    async find(request) {
      if (!safeMethods.includes(request.method)) refuseOtherSites(request);
      request.caller = request.affiliate = null;
      const hash = hashOfCookie(request);
      if (hash === null) return;
      const session = await findSession(reading, hash);
      const isOurs = session !== null && config.clients.includes(session.client);
      good.note(hash, isOurs);
      if (!isOurs) return;
      const { client, role, advertiser, affiliateId, subject } = session;
      request.sessionId = session.sessionId;
      if (affiliateId !== null) request.affiliate = { client, affiliateId };
      else if (role !== null) request.caller = { client, role, advertiser, subject };
    },
  };
}

function hashOfCookie(request: FastifyRequest): string | null {
  const id = request.cookies[cookieName(request.protocol === "https")];
  return id === undefined || !/^[\w-]{43}$/.test(id) ? null : hashOfSession(id);
}

/** A form that another site made somebody send comes with its origin, or with the browser's word for it. */
export function refuseOtherSites({ headers, host }: FastifyRequest): void {
  const site = headers["sec-fetch-site"];
  const isOurs =
    site === undefined ? headers.origin !== undefined && hostOf(headers.origin) === host : site === "same-origin";
  if (!isOurs) throw new ApiError("forbidden", "this form was sent from another site; open the page and try again");
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

export interface PageAccess {
  roles: readonly string[];
  affiliates?: boolean;
}

/** Whether somebody who is logged in may see this page. What is not theirs does not exist. */
export function enforceLogin(
  { roles, affiliates }: PageAccess,
  { caller, affiliate }: Pick<FastifyRequest, "caller" | "affiliate">,
): void {
  if (caller === null && affiliate === null) throw new ApiError("unauthorized", "log in to see this page");
  const isAllowed = caller === null ? affiliates === true : roles.includes(caller.role);
  if (!isAllowed) throw notFound("page");
}

/** Only what kind of browser: enough to tell one's own sessions apart. */
function browserOf(agent: string): string {
  const names: [RegExp, string][] = [
    [/\bEdg(e|A|iOS)?\//, "Edge"],
    [/\bOPR\//, "Opera"],
    [/\bFirefox\/|\bFxiOS\//, "Firefox"],
    [/\bChrom(e|ium)\/|\bHeadlessChrome\/|\bCriOS\//, "Chrome"],
    [/\bSafari\//, "Safari"],
  ];
  return names.find(([pattern]) => pattern.test(agent))?.[1] ?? "another program";
}
