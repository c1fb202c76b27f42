import { z } from "zod";
import { ConfigError } from "../../settings/config.ts";
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
}

const count = z.coerce.number().int().min(1);

const shape = z.object({
  API_RATE_LIMIT_PER_MINUTE: count.default(600),
  API_BODY_LIMIT_BYTES: count.default(1_048_576),
  API_REQUEST_TIMEOUT_MS: count.default(10_000),
  UPLOAD_TIMEOUT_MS: count.default(3_600_000),
  UPLOAD_LIMIT_BYTES: count.default(2_147_483_648),
  TEMPORAL_UI_URL: z.url({ protocol: /^https?$/, error: "must be an address" }).optional(),
});

export function readApiSettings(env: Env): ApiSettings {
  const parsed = shape.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== "")));
  if (!parsed.success)
    throw new ConfigError(parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`));
  const { data } = parsed;
  return {
    requestsPerMinute: data.API_RATE_LIMIT_PER_MINUTE,
    bodyLimitBytes: data.API_BODY_LIMIT_BYTES,
    requestTimeoutMs: data.API_REQUEST_TIMEOUT_MS,
    uploadTimeoutMs: data.UPLOAD_TIMEOUT_MS,
    uploadLimitBytes: data.UPLOAD_LIMIT_BYTES,
    temporalUiUrl: data.TEMPORAL_UI_URL ?? null,
  };
}
