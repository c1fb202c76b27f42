import { randomBytes } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { sameSecret } from "../../core/crypto.ts";
import type { AffiliateCaller, Caller } from "./access.ts";

/** Known to this process alone: nobody outside can send a request that carries it. */
const key = randomBytes(32).toString("hex");
const header = "x-on-behalf";

type Holder = Pick<FastifyRequest, "caller" | "affiliate">;

/** Headers with which a page calls a JSON route as the person who is logged in: one place decides, for both. */
export function onBehalfOf({ caller, affiliate }: Holder): Record<string, string> {
  const holder = Buffer.from(JSON.stringify({ caller, affiliate })).toString("base64url");
  return { [header]: `${key}.${holder}` };
}

/** Who a page calls for; null where the call does not come from a page of this process. */
export function calledOnBehalfOf({ headers }: Pick<FastifyRequest, "headers">): Holder | null {
  const given = headers[header];
  if (typeof given !== "string") return null;
  const [secret = "", holder = ""] = given.split(".");
  if (!sameSecret(secret, key)) return null;
  return JSON.parse(Buffer.from(holder, "base64url").toString()) as {
    caller: Caller | null;
    affiliate: AffiliateCaller | null;
  };
}
