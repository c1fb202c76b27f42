import { randomBytes } from "node:crypto";
import { loginCodeHash, type Role } from "../core/tokens.ts";
import { hashOfSession } from "../api/server/sessions.ts";
import type { Api } from "../api/server/parts.ts";
import { createLoginCode, createSession } from "../queries/ops/sessions.ts";
import type { Database } from "../schema/database.ts";
import { webArea } from "../web/pages.tsx";
import { testServer, type TestServerOptions } from "./api-server.ts";

export interface PageRoute {
  method: string;
  url: string;
}

/** A server with pages that does not listen, and the routes that are pages. */
export async function pageServer(
  options: TestServerOptions & { database: Database },
): Promise<{ api: Api; routes: PageRoute[] }> {
  const routes: PageRoute[] = [];
  const watched = {
    prefix: "",
    routes: async (...[api, parts]: Parameters<typeof webArea.routes>) => {
      api.addHook("onRoute", ({ method, url, config }) => {
        if (config?.access === undefined || config.access === "public" || method === "HEAD") return;
        routes.push({ method: String(method), url });
      });
      await webArea.routes(api, parts);
    },
  };
  const api = await testServer({
    ...options,
    areas: [watched],
    env: { API_RATE_LIMIT_PER_MINUTE: "100000", ...options.env },
  });
  return { api, routes };
}

interface As {
  client?: string;
  role?: Role | null;
  advertiser?: string | null;
  affiliateId?: string | null;
  keyHash?: string | null;
  subject?: string;
  hours?: number;
}

/** Headers of a browser that is logged in and sends from our own pages. */
export async function loggedIn(database: Database, as: As = {}): Promise<Record<string, string>> {
  const id = randomBytes(32).toString("base64url");
  await createSession(database, {
    client: "713",
    role: as.affiliateId === undefined ? "admin" : null,
    advertiser: null,
    affiliateId: null,
    subject: "ada",
    keyHash: null,
    hours: 1,
    ...as,
    sessionHash: hashOfSession(id),
    loggedInBy: "test",
    browser: "a test",
  });
  return { cookie: `session=${id}`, "sec-fetch-site": "same-origin" };
}

export async function loginCode(
  database: Database,
  { role = "admin", minutes = 1 }: { role?: Role; minutes?: number } = {},
) {
  const code = randomBytes(24).toString("base64url");
  const holder = { client: "713", role, advertiser: null, affiliateId: null, subject: "ada" };
  await createLoginCode(database, { ...holder, codeHash: loginCodeHash(code), minutes });
  return code;
}

/** What a form sends. */
export const formBody = (fields: Record<string, string>) => ({
  payload: new URLSearchParams(fields).toString(),
  type: { "content-type": "application/x-www-form-urlencoded" },
});
