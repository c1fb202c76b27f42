import { z } from "zod";
import { roles } from "../../core/tokens.ts";
import { listSessions, sessionOrders } from "../../queries/ops/sessions.ts";
import { allowAffiliates, callerOf } from "../server/access.ts";
import { paging } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { instant, text } from "../server/shapes.ts";
import { sortedListRoute, sortIn } from "../server/sorted-list.ts";

export const session = z.object({
  sessionId: z.number(),
  subject: z.string(),
  role: text.describe("null for an affiliate"),
  affiliateId: text,
  loggedInBy: z.string(),
  browser: z.string(),
  createdAt: instant,
  lastSeenAt: instant,
  expiresAt: instant,
});

/** Who is logged in: one's own sessions, for an admin all of the client. */
export function sessionRoutes(api: Api, { reading }: ServerParts): void {
  sortedListRoute(api, "/sessions", {
    config: allowAffiliates(...roles),
    tags: ["operations"],
    summary: "Open sessions: one's own, for an admin all of the client",
    querystring: paging.extend({ sort: sortIn(sessionOrders) }),
    item: session,
    orders: sessionOrders,
    read: ({ order, limit }, request) => {
      const { affiliate } = request;
      if (affiliate !== null)
        return listSessions(reading, {
          ...{ client: affiliate.client, subject: `affiliate/${affiliate.affiliateId}` },
          ...{ order, limit },
        });
      const { client, role, subject } = callerOf(request);
      return listSessions(reading, { client, subject: role === "admin" ? undefined : subject, order, limit });
    },
    toItem: ({ sessionId, subject, role, affiliateId, loggedInBy, browser, createdAt, lastSeenAt, expiresAt }) => ({
      ...{ sessionId, subject, role, affiliateId, loggedInBy, browser },
      ...{ createdAt: createdAt.toISOString(), lastSeenAt: lastSeenAt.toISOString() },
      expiresAt: expiresAt.toISOString(),
    }),
  });
}
