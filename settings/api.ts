import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, isLoopback, list, port, wholeNumber } from "./shapes.ts";

const secret = z.string().min(32, "must have at least 32 characters");

const shape = z.object({
  API_HOST: z.string().default("127.0.0.1").meta(about("The address the HTTP server listens on.")),
  API_PORT: port.default(3003).meta(about("The port it listens on.", { unit: "port", needs: "API, npm start" })),
  API_JWT_SECRET: secret.optional().meta(
    about("Signs tokens (HS256), at least 32 characters: `openssl rand -base64 32` makes one.", {
      secret: true,
      unset: "`npm start` makes one",
      needs: "API, `token`, Compose",
    }),
  ),
  API_JWT_SECRET_PREVIOUS: secret
    .optional()
    .meta(about("The one before: its tokens are accepted, and none is signed with it.", { secret: true })),
  API_JWKS_URL: z
    .url({ protocol: /^https?$/ })
    .refine((url) => url.startsWith("https:") || isLoopback(new URL(url).hostname), "must be an https:// address")
    .optional()
    .meta(about("An identity provider's public keys (RS256, ES256); needs the audience and the issuer too.")),
  API_JWT_AUDIENCE: z.string().min(1).optional().meta(about("The audience of the provider's tokens.")),
  API_JWT_ISSUER: z.string().min(1).optional().meta(about("Their issuer.")),
  API_TRUSTED_PROXIES: list.prefault("").meta(about("Proxies whose X-Forwarded-For is believed, separated by commas.")),
  SUBMISSIONS_PER_MINUTE: wholeNumber(1)
    .default(120)
    .meta(about("Claims that one affiliate's key may submit.", { unit: "a minute" })),
});

/** What only the HTTP server has. */
export const httpLimits = z.object({
  API_RATE_LIMIT_PER_MINUTE: wholeNumber(1)
    .default(600)
    .meta(about("Requests that one caller may make.", { unit: "a minute" })),
  API_BODY_LIMIT_BYTES: wholeNumber(1)
    .default(1_048_576)
    .meta(about("How large a request may be, uploads apart.", { unit: "bytes" })),
  API_REQUEST_TIMEOUT_MS: wholeNumber(1)
    .default(10_000)
    .meta(about("How long a request may take to arrive.", { unit: "ms" })),
  UPLOAD_LIMIT_BYTES: wholeNumber(1)
    .default(2_147_483_648)
    .meta(about("How large an uploaded file may be.", { unit: "bytes" })),
  UPLOAD_TIMEOUT_MS: wholeNumber(1)
    .default(3_600_000)
    .meta(about("How long an upload may take to arrive.", { unit: "ms" })),
  TEMPORAL_UI_URL: z
    .url({ protocol: /^https?$/, error: "must be an address" })
    .optional()
    .meta(
      about(
        "Where people open the Temporal UI: linked from the front page, and the only web page that may call the codec.",
        { example: "http://127.0.0.1:8233" },
      ),
    ),
});

export const apiArea = defineArea({ title: "HTTP server", needs: "API", shape: shape.extend(httpLimits.shape) });

export interface ApiAccess {
  host: string;
  port: number;
  jwtSecret: string | null;
  /** Checks tokens that were signed before the secret was changed; signs none. */
  previousJwtSecret: string | null;
  jwksUrl: string | null;
  /** A token's audience and issuer: an identity provider serves other applications too. */
  audience: string | null;
  issuer: string | null;
  trustedProxies: string[];
}

export function readApi(reader: SettingsReader) {
  const values = reader.values(shape);
  if (values.API_JWT_SECRET_PREVIOUS !== undefined && reader.text("API_JWT_SECRET") === undefined)
    reader.problem("API_JWT_SECRET is missing: API_JWT_SECRET_PREVIOUS needs it");
  // One provider signs for many applications: without these, any of their tokens would open this server.
  for (const name of ["API_JWT_AUDIENCE", "API_JWT_ISSUER"] as const)
    if (values.API_JWKS_URL !== undefined && reader.text(name) === undefined)
      reader.problem(`${name} is missing: API_JWKS_URL needs it`);
  const api: ApiAccess = {
    host: values.API_HOST,
    port: values.API_PORT,
    jwtSecret: values.API_JWT_SECRET ?? null,
    previousJwtSecret: values.API_JWT_SECRET_PREVIOUS ?? null,
    jwksUrl: values.API_JWKS_URL ?? null,
    audience: values.API_JWT_AUDIENCE ?? null,
    issuer: values.API_JWT_ISSUER ?? null,
    trustedProxies: values.API_TRUSTED_PROXIES,
  };
  return { api, submissionsPerMinute: values.SUBMISSIONS_PER_MINUTE };
}
