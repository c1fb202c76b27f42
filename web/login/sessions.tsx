import { z } from "zod";
import { endSession, readSessions, type SessionRow } from "../../queries/ops/sessions.ts";
import { recordAudit } from "../../queries/ops/audit.ts";
import { actorOf } from "../../api/server/audited.ts";
import { notFound } from "../../api/server/errors.ts";
import { forgetSession } from "../../api/server/sessions.ts";
import { inTransaction } from "../../schema/database.ts";
import { roles } from "../../core/tokens.ts";
import { Badge, Name } from "../components/format.tsx";
import { PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { form, page } from "../shared/page.tsx";
import type { Web } from "../shared/web.ts";

const everybody = [...roles];
const mostShown = 200;

/** Who is logged in: one's own sessions, for an admin all of the client; and an end to any of them. */
export function sessionPages(web: Web): void {
  const id = z.object({ id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });

  page(web, { url: "/sessions", who: everybody, affiliates: true }, async ({ parts, viewer, zone, request }) => {
    const isAdmin = viewer.role === "admin";
    const rows = await readSessions(parts.reading, {
      client: viewer.client,
      subject: isAdmin ? undefined : viewer.subject,
      limit: mostShown,
    });
    return {
      title: "Sessions",
      body: (
        <>
          <PageHead
            title="Sessions"
            lead={isAdmin ? "Everybody who is logged in for this client." : "Where you are logged in."}
          />
          <Table
            columns={columnsFor(request.sessionId)}
            rows={rows}
            zone={zone}
            caption="Open sessions"
            rowKey={({ sessionId }) => String(sessionId)}
          />
        </>
      ),
    };
  });

  form(
    web,
    { url: "/sessions/end", who: everybody, affiliates: true, body: id },
    async ({ parts, viewer, request, reply }, body) => {
      const { client, actor, role } = actorOf(request);
      const isAdmin = viewer.role === "admin";
      const isEnded = await inTransaction(parts.database, async (session) => {
        const ended = { client, sessionId: body.id, subject: isAdmin ? undefined : viewer.subject, by: actor };
        if (!(await endSession(session, ended))) return false;
        await recordAudit(session, { client, actor, role, action: "session_ended", subject: `session/${body.id}` });
        return true;
      });
      if (!isEnded) throw notFound("session");
      if (body.id !== request.sessionId) return "/sessions";
      forgetSession(request, reply);
      return "/login";
    },
  );

  form(
    web,
    { url: "/logout", who: everybody, affiliates: true, body: z.object({}) },
    async ({ parts, viewer, request, reply }) => {
      const { sessionId } = request;
      if (sessionId !== null) await endSession(parts.reading, { client: viewer.client, sessionId, by: viewer.subject });
      forgetSession(request, reply);
      return "/login";
    },
  );
}

function columnsFor(own: number | null): Column<SessionRow>[] {
  return [
    {
      name: "subject",
      label: "Who",
      kind: "text",
      value: ({ subject }) => subject,
      show: ({ subject, sessionId }) => (
        <>
          <Name of={subject} /> {sessionId === own ? <Badge tone="note">this one</Badge> : null}
        </>
      ),
    },
    {
      name: "role",
      label: "Role",
      kind: "text",
      value: ({ role, affiliateId }) => role ?? `affiliate ${affiliateId ?? ""}`,
    },
    { name: "loggedInBy", label: "Logged in by", kind: "text", value: (row) => row.loggedInBy, isExtra: true },
    { name: "browser", label: "Browser", kind: "text", value: (row) => row.browser },
    { name: "createdAt", label: "Since", kind: "moment", value: (row) => row.createdAt, isExtra: true },
    { name: "lastSeenAt", label: "Last seen", kind: "moment", value: (row) => row.lastSeenAt },
    { name: "expiresAt", label: "Ends", kind: "moment", value: (row) => row.expiresAt, isExtra: true },
    {
      name: "end",
      label: "End it",
      kind: "text",
      value: () => null,
      show: ({ sessionId, subject }) => (
        <form method="post" action="/sessions/end">
          <input type="hidden" name="id" value={sessionId} />
          <button type="submit" aria-label={`End session ${sessionId} of ${subject}`}>
            End
          </button>
        </form>
      ),
    },
  ];
}
