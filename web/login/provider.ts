import type { FastifyReply, FastifyRequest } from "fastify";
import * as oidc from "openid-client";
import { z } from "zod";
import { roles } from "../../core/tokens.ts";
import type { SessionHolder } from "../../queries/ops/sessions.ts";
import { Unavailable } from "../../api/server/errors.ts";
import type { OidcSettings } from "../../api/server/settings.ts";
import { ownPlace } from "./own-place.ts";

/** What has to come back the way it was sent, kept by the browser that is sent away. */
const cookie = "login";
const cookieMinutes = 10;
const kept = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), next: z.string() });

export interface Provider {
  name: string;
  /** Sends the browser to the provider. */
  send: (reply: FastifyReply, to: { next: string }) => Promise<FastifyReply>;
  /** Takes it back: who it is, or why nobody was let in. */
  receive: (
    request: FastifyRequest,
    reply: FastifyReply,
  ) => Promise<{ holder: SessionHolder; next: string } | { problem: string }>;
}

const isLoopback = ({ hostname }: URL) => ["localhost", "127.0.0.1", "[::1]"].includes(hostname);

/** OpenID Connect with a code and PKCE. The provider's addresses are read at the first login, and again while they cannot be. */
export function createProvider(settings: OidcSettings, clients: readonly string[]): Provider {
  const issuer = new URL(settings.issuer);
  const back = new URL("/login/back", settings.publicUrl);
  const isSecure = back.protocol === "https:";
  let known: Promise<oidc.Configuration> | null = null;

  const configuration = async (): Promise<oidc.Configuration> => {
    known ??= oidc.discovery(issuer, settings.clientId, settings.clientSecret ?? undefined, undefined, {
      timeout: 5,
      // Without TLS only on this very machine.
      ...(issuer.protocol === "http:" && isLoopback(issuer) ? { execute: [oidc.allowInsecureRequests] } : {}),
    });
    return known.catch((error: unknown) => {
      known = null;
      throw new Unavailable(`the identity provider ${issuer.host} does not answer; try again soon`, error);
    });
  };

  return {
    name: issuer.host,
    async send(reply, { next }) {
      const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
      const address = oidc.buildAuthorizationUrl(await configuration(), {
        redirect_uri: back.href,
        scope: settings.scope,
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
      });
      return reply
        .setCookie(cookie, Buffer.from(JSON.stringify({ state, nonce, verifier, next })).toString("base64url"), {
          path: "/login",
          httpOnly: true,
          sameSite: "lax",
          secure: isSecure,
          maxAge: cookieMinutes * 60,
        })
        .code(303)
        .header("location", address.href)
        .send();
    },

    async receive(request, reply) {
      const sent = readKept(request.cookies[cookie]);
      reply.clearCookie(cookie, { path: "/login" });
      if (sent === null) return { problem: "This login was begun in another browser, or too long ago. Log in again." };
      const configured = await configuration();
      const address = new URL(request.url, back);
      let claims: Record<string, unknown>;
      try {
        const tokens = await oidc.authorizationCodeGrant(configured, address, {
          pkceCodeVerifier: sent.verifier,
          expectedState: sent.state,
          expectedNonce: sent.nonce,
          idTokenExpected: true,
        });
        const own = tokens.claims();
        if (own === undefined) return { problem: "The identity provider sent no identity." };
        claims = own;
        // Some providers leave what was asked for by scope to this second call.
        if (claims[settings.claims.role] === undefined && configured.serverMetadata().userinfo_endpoint !== undefined)
          claims = { ...(await oidc.fetchUserInfo(configured, tokens.access_token, own.sub)), ...claims };
      } catch (error) {
        request.log.warn({ error: error instanceof Error ? error.message : String(error) }, "a login was refused");
        return { problem: "The identity provider did not confirm this login. Log in again." };
      }
      const holder = holderOf(claims, settings, clients);
      return typeof holder === "string" ? { problem: holder } : { holder, next: ownPlace(sent.next) };
    },
  };
}

function readKept(value: string | undefined): z.output<typeof kept> | null {
  try {
    return kept.parse(JSON.parse(Buffer.from(value ?? "", "base64url").toString()));
  } catch {
    return null;
  }
}

/** What the provider's claims allow; in words, why not. */
function holderOf(
  claims: Record<string, unknown>,
  { claims: names }: OidcSettings,
  clients: readonly string[],
): SessionHolder | string {
  const first = (name: string, known?: readonly string[]) => {
    const values = [claims[name]].flat().filter((value) => typeof value === "string" || typeof value === "number");
    return values.map(String).find((value) => known === undefined || known.includes(value)) ?? null;
  };
  const role = roles.find((known) => known === first(names.role, roles)) ?? null;
  const client = first(names.client, clients);
  const advertiser = first(names.advertiser);
  if (role === null || client === null) {
    const lacking = role === null ? names.role : names.client;
    return `You are known to the identity provider, but its claim "${lacking}" gives you no access here. Ask whoever manages it.`;
  }
  if (role === "advertiser" && advertiser === null)
    return `The claim "${names.advertiser}" does not say which advertiser you are. Ask whoever manages the identity provider.`;
  // An opaque id unless somebody chose otherwise: it stands in the audit log for good.
  const subject = first(names.name) ?? first("sub") ?? role;
  return { client, role, advertiser: role === "advertiser" ? advertiser : null, affiliateId: null, subject };
}
