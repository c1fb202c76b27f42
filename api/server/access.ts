import type { FastifyRequest } from "fastify";
import type { Role } from "../../core/tokens.ts";
import { ApiError } from "./errors.ts";
import { typedHere } from "../../settings/typed-here.ts";

/** Who is calling, as a verified token says. */
export interface Caller {
  client: string;
  role: Role;
  /** The advertiser whose rows a token of that role may see. */
  advertiser: string | null;
  subject: string;
}

/** An affiliate, as the hash of its key says: it is nobody's token, and sees its own rows only. */
export interface AffiliateCaller {
  client: string;
  affiliateId: string;
}

/** Who may call a route. There is no default: a route without one does not start. */
export type Access = "public" | { roles: readonly Role[]; affiliates?: boolean; local?: boolean; page?: boolean };

declare module "fastify" {
  interface FastifyContextConfig {
    access?: Access;
    /** The route answers in time by itself. */
    hasDeadline?: boolean;
  }
  interface FastifyRequest {
    caller: Caller | null;
    /** Who holds the X-API-Key that came along; only looked up where affiliates may call. */
    affiliate: AffiliateCaller | null;
    /** What came along as X-API-Key where affiliates may call, before it was looked up: its hash, and whether it has proved good before. */
    affiliateKey: { hash: string | null; isKnown: boolean } | null;
    /** Whether it comes from this machine, with nobody in between. */
    isLocal: boolean;
    /** Why the token that came along is not one; told only where a token is needed. */
    refusal: ApiError | null;
  }
}

/** `config: allow("admin", "operator")` on a route. */
export function allow(...roles: [Role, ...Role[]]): { access: Access } {
  return { access: { roles } };
}

/** `config: allowAffiliates("admin", ...)`: those roles, and affiliates by their key. */
export function allowAffiliates(...staff: Role[]): { access: Access } {
  return { access: { roles: staff, affiliates: true } };
}

/** `config: allowLocal("admin", ...)`: those roles, and anybody on this machine. */
export function allowLocal(...roles: [Role, ...Role[]]): { access: Access } {
  return { access: { roles, local: true } };
}

/** `config: allowPage("admin", ...)` on a page: whoever is logged in with one of those roles. */
export function allowPage(...roles: Role[]): { access: Access } {
  return { access: { roles, page: true } };
}

/** `config: allowAffiliatesPage("admin", ...)`: those, and affiliates who are logged in. */
export function allowAffiliatesPage(...roles: Role[]): { access: Access } {
  return { access: { roles, affiliates: true, page: true } };
}

/** `config: open` on a route that anybody may call. */
export const open: { access: Access } = { access: "public" };

/** Refuses at start what was declared for nobody, rather than serving it to everybody. */
export function requireDeclaration(route: {
  method: string | string[];
  url: string;
  config?: { access?: Access };
}): Access {
  const access = route.config?.access;
  if (access === undefined) {
    throw new Error(
      `${String(route.method)} ${route.url} does not say who may call it: give it config: allow("admin", ...) or config: open`,
    );
  }
  return access;
}

export function enforce(
  access: Access,
  request: Pick<FastifyRequest, "caller" | "affiliate" | "refusal" | "isLocal">,
): void {
  if (access === "public") return;
  if (access.local === true && request.isLocal && request.caller === null && request.refusal === null) return;
  if (access.affiliates === true && request.affiliate !== null) return;
  if (request.refusal !== null) throw request.refusal;
  if (request.caller === null && access.affiliates === true)
    throw new ApiError("unauthorized", "send an affiliate's key: X-API-Key: <key>");
  if (request.caller === null)
    throw new ApiError(
      "unauthorized",
      typedHere("send a token: Authorization: Bearer <JWT>; `npm run token` prints one"),
    );
  if (!access.roles.includes(request.caller.role))
    throw new ApiError(
      "forbidden",
      `the role ${request.caller.role} may not do this; it takes ${[...access.roles, ...(access.affiliates === true ? ["an affiliate's key"] : [])].join(" or ")}`,
    );
}

/** The caller of a route that is not public. */
export function callerOf(request: Pick<FastifyRequest, "caller">): Caller {
  if (request.caller === null) throw new Error("a public route asked for its caller");
  return request.caller;
}
