import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import type { session } from "../../api/ops/sessions.ts";
import { endSession, sessionOrders } from "../../queries/ops/sessions.ts";
import { recordAudit } from "../../queries/ops/audit.ts";
import { actorOf } from "../../api/server/audited.ts";
import { notFound } from "../../api/server/errors.ts";
import { forgetSession } from "../../api/server/sessions.ts";
import { inTransaction } from "../../schema/database.ts";
import { roles } from "../../core/tokens.ts";
import { Badge, Name } from "../components/format.tsx";
import { ExportLink, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { ListTable } from "../components/list-table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList } from "../shared/json.ts";
import { form, page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import type { Web } from "../shared/web.ts";

type Session = z.infer<typeof session>;

const everybody = [...roles];
const json = "/api/v1/ops/sessions";

/** Who is logged in: one's own sessions, for an admin all of the client; and an end to any of them. */
export function sessionPages(web: Web): void {
  const id = z.object({ id: wholeNumber() });

  const query = sortedQuery(sessionOrders);
  page(web, { url: "/sessions", who: everybody, affiliates: true, query }, async (at) => {
    const isAdmin = at.viewer.role === "admin";
    const list = await callList<Session>(web, at, { path: json, query: at.query });
    return {
      title: "Sessions",
      body: (
        <>
          <PageHead
            title="Sessions"
            lead={isAdmin ? "Everybody who is logged in for this client." : "Where you are logged in."}
          >
            <ExportLink url={at.url} />
          </PageHead>
          <ListTable
            at={at}
            list={list}
            orders={sessionOrders}
            columns={[...columnsFor(at.request.sessionId), endColumn]}
            caption="Open sessions"
          />
        </>
      ),
    };
  });
  const sorted = { sort: query.sort };
  exportList<Session, typeof sorted>(
    web,
    { url: "/sessions.csv", who: everybody, affiliates: true, query: sorted },
    (at) => ({ name: "sessions.csv", path: json, query: at.query, columns: columnsFor(null) }),
  );

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

function columnsFor(own: number | null): Column<Session>[] {
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
      isLocal: true,
      value: ({ role, affiliateId }) => role ?? `affiliate ${affiliateId ?? ""}`,
    },
    { name: "loggedInBy", label: "Logged in by", kind: "text", value: (row) => row.loggedInBy, isExtra: true },
    { name: "browser", label: "Browser", kind: "text", value: (row) => row.browser },
    { name: "createdAt", label: "Since", kind: "moment", value: (row) => new Date(row.createdAt), isExtra: true },
    { name: "lastSeenAt", label: "Last seen", kind: "moment", value: (row) => new Date(row.lastSeenAt) },
    { name: "expiresAt", label: "Ends", kind: "moment", value: (row) => new Date(row.expiresAt), isExtra: true },
  ];
}

const endColumn: Column<Session> = {
  name: "end",
  label: "End it",
  kind: "text",
  isLocal: true,
  value: () => null,
  show: ({ sessionId, subject }) => (
    <form method="post" action="/sessions/end">
      <input type="hidden" name="id" value={sessionId} />
      <button type="submit" aria-label={`End session ${sessionId} of ${subject}`}>
        End
      </button>
    </form>
  ),
};
