import { randomBytes } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { sha256 } from "../../core/crypto.ts";
import { createSession, findSession, type SessionHolder } from "../../queries/ops/sessions.ts";
import type { Queryable } from "../../schema/database.ts";
import { ApiError, notFound } from "./errors.ts";
import type { ServerParts } from "./parts.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The number of the session that a page was asked for with. */
    sessionId: number | null;
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

/** Finds who is logged in, for routes that are pages. A token is not looked at there, and a cookie nowhere else. */
export async function findLogin(
  reading: Queryable,
  request: FastifyRequest,
  clients: readonly string[],
): Promise<void> {
  if (!safeMethods.includes(request.method)) refuseOtherSites(request);
  const id = request.cookies[cookieName(request.protocol === "https")];
  request.caller = request.affiliate = null;
  if (id === undefined || !/^[\w-]{43}$/.test(id)) return;
  const session = await findSession(reading, hashOfSession(id));
  if (session === null || !clients.includes(session.client)) return;
  const { client, role, advertiser, affiliateId, subject } = session;
  request.sessionId = session.sessionId;
  if (affiliateId !== null) request.affiliate = { client, affiliateId };
  else if (role !== null) request.caller = { client, role, advertiser, subject };
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
