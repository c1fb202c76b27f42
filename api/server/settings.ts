import type { z } from "zod";
import { httpLimits } from "../../settings/api.ts";
import { loginArea } from "../../settings/login.ts";
import { ConfigError, SettingsReader } from "../../settings/reader.ts";
import type { Env } from "../../settings/shapes.ts";

/** Settings that only the HTTP server has. */
export interface ApiSettings {
  requestsPerMinute: number;
  bodyLimitBytes: number;
  /** A request that is not here whole by then is cut off. */
  requestTimeoutMs: number;
  /** The same for an upload, which may be large and come over a slow line. */
  uploadTimeoutMs: number;
  /** The largest file that an upload may bring. */
  uploadLimitBytes: number;
  /** Where people open the Temporal UI: linked, and the only origin that may call the codec. */
  temporalUiUrl: string | null;
  /** How long somebody stays logged in to the pages. */
  sessionHours: number;
  /** Where this server is for people's browsers; null where nobody has said. */
  publicUrl: string | null;
  /** Where people log in, other than by a link or a key. */
  oidc: OidcSettings | null;
}

export interface OidcSettings {
  issuer: string;
  clientId: string;
  clientSecret: string | null;
  /** Where the pages are for the browser: the provider sends people back there. */
  publicUrl: string;
  scope: string;
  /** Which of the provider's claims say what a person may see. */
  claims: { client: string; role: string; advertiser: string; name: string };
}

export function readApiSettings(env: Env): ApiSettings {
  const reader = new SettingsReader(env);
  const data = reader.values(httpLimits.extend(loginArea.shape.shape));
  reader.throwProblems();
  return {
    requestsPerMinute: data.API_RATE_LIMIT_PER_MINUTE,
    bodyLimitBytes: data.API_BODY_LIMIT_BYTES,
    requestTimeoutMs: data.API_REQUEST_TIMEOUT_MS,
    uploadTimeoutMs: data.UPLOAD_TIMEOUT_MS,
    uploadLimitBytes: data.UPLOAD_LIMIT_BYTES,
    temporalUiUrl: data.TEMPORAL_UI_URL ?? null,
    sessionHours: data.SESSION_HOURS,
    publicUrl: data.PUBLIC_URL ?? null,
    oidc: oidcOf(data),
  };
}

function oidcOf(data: z.output<typeof loginArea.shape>): OidcSettings | null {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, PUBLIC_URL: publicUrl } = data;
  if (issuer === undefined) return null;
  const missing = [
    ...(clientId === undefined ? ["OIDC_CLIENT_ID: the identity provider knows this program by it"] : []),
    ...(publicUrl === undefined ? ["PUBLIC_URL: the identity provider sends people back to it"] : []),
  ];
  if (clientId === undefined || publicUrl === undefined) throw new ConfigError(missing);
  return {
    issuer,
    clientId,
    clientSecret: data.OIDC_CLIENT_SECRET ?? null,
    publicUrl,
    scope: data.OIDC_SCOPE,
    claims: {
      client: data.OIDC_CLIENT_CLAIM,
      role: data.OIDC_ROLE_CLAIM,
      advertiser: data.OIDC_ADVERTISER_CLAIM,
      name: data.OIDC_NAME_CLAIM,
    },
  };
}
