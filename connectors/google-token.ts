import { importPKCS8, SignJWT } from "jose";
import { z } from "zod";
import { ConnectorError } from "./errors.ts";
import type { Http } from "./http.ts";
import type { PageRequest, Refusal } from "./source.ts";

/** Google takes no assertion that lives longer. */
const assertionSeconds = 3_600;
/** A token is given up so long before its end: a page that is under way still reads with it. */
const spareMs = 60_000;

const serviceAccount = z.object({
  client_email: z.string().min(3),
  private_key: z.string().includes("PRIVATE KEY"),
  token_uri: z.url().default("https://oauth2.googleapis.com/token"),
  project_id: z.string().optional(),
});

/** What a service account's JSON file says; null when it is none. */
export function serviceAccountOf(key: string): z.output<typeof serviceAccount> | null {
  try {
    return serviceAccount.safeParse(JSON.parse(key)).data ?? null;
  } catch {
    return null;
  }
}

export const isServiceAccount = (key: string) => serviceAccountOf(key) !== null;
export const notServiceAccount = "must be the JSON of a service account's key, on one line";

/** Who asks, and for what. */
export interface GoogleIdentity {
  /** As they were read from the settings: a token is kept by them. */
  secrets: object;
  key: string;
  /** The setting that the key stands in, for messages. */
  setting: string;
  scope: string;
}

/** Errors as Google's APIs write them; those of the token endpoint are OAuth's. */
export function classifyGoogle(status: number, body: unknown): Refusal {
  const oauth = z.object({ error: z.string(), error_description: z.string().optional() }).safeParse(body).data;
  if (oauth !== undefined) {
    const message = `${oauth.error}${oauth.error_description === undefined ? "" : `: ${oauth.error_description}`}`;
    // A deleted key, a clock that is wrong, an account that is none: a person must look.
    return { kind: status >= 500 ? "unavailable" : "unauthorized", message, code: oauth.error };
  }
  const found = googleError.safeParse(body).data?.error;
  const message = found?.message ?? "no reason given";
  const code = found?.status ?? String(status);
  if (status === 401 || status === 403) return { kind: "unauthorized", message, code };
  if (status === 429) {
    const retryAfterMs = waitOf(found?.details ?? []);
    return { kind: "rate_limited", message, code, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
  }
  return { kind: status === 408 || status >= 500 ? "unavailable" : "rejected", message, code };
}

const googleError = z.object({
  error: z.object({
    message: z.string().default(""),
    status: z.string().optional(),
    details: z.array(z.looseObject({ retryDelay: z.string().optional() })).default([]),
  }),
});

/** `12s` or `1.5s`, as durations are written there. */
function waitOf(details: readonly { retryDelay?: string | undefined }[]): number | null {
  for (const { retryDelay } of details) {
    const seconds = /^(\d{1,6}(?:\.\d{1,9})?)s$/.exec(retryDelay ?? "")?.[1];
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1_000);
  }
  return null;
}

export async function tokenRequest({ key, setting, scope }: GoogleIdentity, now: Date): Promise<PageRequest> {
  const account = serviceAccountOf(key);
  if (account === null) throw new ConnectorError("unauthorized", `${setting} is no service account's key`);
  const issued = Math.floor(now.getTime() / 1_000);
  const assertion = await new SignJWT({ scope })
    .setProtectedHeader({ alg: "RS256", typ: "JWT" })
    .setIssuer(account.client_email)
    .setAudience(account.token_uri)
    .setIssuedAt(issued)
    .setExpirationTime(issued + assertionSeconds)
    .sign(
      await importPKCS8(account.private_key, "RS256").catch(() => {
        throw new ConnectorError("unauthorized", `the private key in ${setting} cannot be read`);
      }),
    );
  return {
    method: "POST",
    at: "token",
    path: "/token",
    form: { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion },
  };
}

const tokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.unknown().transform(Number) });

interface Token {
  text: string;
  untilMs: number;
}

/** Of an account's keys as they were read from the settings: a token is good for an hour, and every page would ask for one. */
const tokens = new WeakMap<object, Token>();

/** Asks with a token, which is fetched when it is needed and once again when it is refused. */
export function openGoogle({ http, identity, now }: { http: Http; identity: GoogleIdentity; now: () => Date }): {
  ask(request: PageRequest): Promise<unknown>;
} {
  const { secrets } = identity;
  const tokenNow = async () => {
    const token = tokens.get(secrets);
    if (token !== undefined && now().getTime() < token.untilMs) return token.text;
    const parsed = tokenAnswer.safeParse(await http.json(await tokenRequest(identity, now())));
    if (!parsed.success) throw new ConnectorError("malformed", "token: the answer holds no access token");
    const { access_token: text, expires_in: seconds } = parsed.data;
    tokens.set(secrets, { text, untilMs: now().getTime() + seconds * 1_000 - spareMs });
    return text;
  };
  const once = async (request: PageRequest) =>
    http.json({ ...request, headers: { ...request.headers, authorization: `Bearer ${await tokenNow()}` } });
  return {
    async ask(request) {
      try {
        return await once(request);
      } catch (error) {
        // Tokens end early when keys are rotated or clocks differ. A second refusal is meant.
        if (!(error instanceof ConnectorError) || error.code !== "UNAUTHENTICATED") throw error;
        tokens.delete(secrets);
        return once(request);
      }
    },
  };
}
