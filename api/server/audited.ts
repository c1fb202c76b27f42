import type { FastifyRequest } from "fastify";
import { recordAudit, type Actor, type AuditEntry } from "../../queries/ops/audit.ts";
import { inTransaction, type Session } from "../../schema/database.ts";
import type { ServerParts } from "./parts.ts";
import { whileAwake } from "./whole-transaction.ts";

type Caller = Pick<FastifyRequest, "caller" | "affiliate">;

/** Writes down what the caller did, as part of doing it. */
export type RecordAct = (session: Session, entry: Omit<AuditEntry, "client" | keyof Actor>) => Promise<void>;

/** Who is calling, in the words of the audit log. */
export function actorOf({ caller, affiliate }: Caller): Actor & { client: string } {
  if (affiliate !== null)
    return { client: affiliate.client, actor: `affiliate/${affiliate.affiliateId}`, role: "affiliate" };
  if (caller === null) throw new Error("a public route asked for its caller");
  return { client: caller.client, actor: caller.subject, role: caller.role };
}

/** Runs an act and its entry in the audit log as one transaction. The act decides whether there is anything to record. */
export function audited<Result>(
  { database, reading }: Pick<ServerParts, "database" | "reading">,
  request: Caller,
  act: (session: Session, record: RecordAct) => Promise<Result>,
): Promise<Result> {
  const actor = actorOf(request);
  return whileAwake(
    reading,
    inTransaction(database, (session) =>
      act(session, (inSession, entry) => recordAudit(inSession, { ...actor, ...entry })),
    ),
  );
}
