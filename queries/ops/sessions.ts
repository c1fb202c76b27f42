import type { Role } from "../../core/tokens.ts";
import type { Queryable } from "../../schema/database.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

/** Who logs in: staff or an advertiser by their role, or an affiliate. */
export interface SessionHolder {
  client: string;
  role: Role | null;
  advertiser: string | null;
  affiliateId: string | null;
  subject: string;
}

export interface NewSession extends SessionHolder {
  sessionHash: string;
  /** Of an affiliate's key: the session lives as long as it. */
  keyHash: string | null;
  loggedInBy: string;
  browser: string;
  hours: number;
}

export async function createSession(database: Queryable, session: NewSession): Promise<void> {
  await database.query(
    `insert into ops.sessions (_client_id, session_hash, role, advertiser, affiliate_id, key_hash, subject, logged_in_by, browser, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10 * interval '1 hour')`,
    [
      session.client,
      session.sessionHash,
      session.role,
      session.advertiser,
      session.affiliateId,
      session.keyHash,
      session.subject,
      session.loggedInBy,
      session.browser,
      session.hours,
    ],
  );
}

const holder = `_client_id as client, role, advertiser, affiliate_id::text as "affiliateId", subject`;

const isOpen = `ended_at is null and expires_at > now()
        and (key_hash is null or exists (select from recon.affiliates a
             where a._client_id = s._client_id and a.affiliate_id = s.affiliate_id and a.api_key_hash = s.key_hash and a.is_active))`;

/** Of these hashes, those of sessions that are open. */
export async function findOpenSessions(database: Queryable, sessionHashes: readonly string[]): Promise<string[]> {
  const { rows } = await database.query<{ sessionHash: string }>(
    `select session_hash as "sessionHash" from ops.sessions s where session_hash = any($1) and ${isOpen}`,
    [sessionHashes],
  );
  return rows.map(({ sessionHash }) => sessionHash);
}

/** Null when there is no such session, or it ended, or the affiliate's key that opened it was replaced or disabled. */
export async function findSession(
  database: Queryable,
  sessionHash: string,
): Promise<(SessionHolder & { sessionId: number }) | null> {
  const { rows } = await database.query<SessionHolder & { sessionId: number; isStale: boolean }>(
    `select session_id as "sessionId", ${holder}, last_seen_at < now() - interval '1 minute' as "isStale"
       from ops.sessions s
      where session_hash = $1 and ${isOpen}`,
    [sessionHash],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { isStale, ...session } = row;
  if (isStale)
    await database.query("update ops.sessions set last_seen_at = now() where session_id = $1", [session.sessionId]);
  return session;
}

export interface SessionRow extends SessionHolder {
  sessionId: number;
  loggedInBy: string;
  browser: string;
  createdAt: Date;
  lastSeenAt: Date;
  expiresAt: Date;
}

/** By when they were seen or end, or by whose they are. */
export const sessionOrders = {
  by: {
    lastSeenAt: [{ sql: "s.last_seen_at", type: "moment" }],
    createdAt: [{ sql: "s.created_at", type: "moment" }],
    expiresAt: [{ sql: "s.expires_at", type: "moment" }],
    subject: [{ sql: "s.subject", type: "text" }],
    browser: [{ sql: "s.browser", type: "text" }],
  },
  then: [{ sql: "s.session_id", type: "whole" }],
  usual: "-lastSeenAt",
} satisfies Orders;

/** Sessions that are open, of one person or of all of a client. */
export function listSessions(
  database: Queryable,
  of: { client: string; subject?: string | undefined; order?: Order; limit: number },
): Promise<Placed<SessionRow>[]> {
  return readOrdered<SessionRow>(database, {
    columns: `session_id as "sessionId", ${holder}, logged_in_by as "loggedInBy", browser, created_at as "createdAt",
            last_seen_at as "lastSeenAt", expires_at as "expiresAt"`,
    from: "ops.sessions s",
    where: `s._client_id = :client and (:subject::text is null or s.subject = :subject) and ${isOpen}`,
    values: { client: of.client, subject: of.subject ?? null },
    ...{ orders: sessionOrders, order: of.order, limit: of.limit },
  });
}

/** False when there is no such open session. */
export async function endSession(
  database: Queryable,
  ended: { client: string; sessionId: number; subject?: string | undefined; by: string },
): Promise<boolean> {
  const { rowCount } = await database.query(
    `update ops.sessions set ended_at = now(), ended_by = $4
      where _client_id = $1 and session_id = $2 and ($3::text is null or subject = $3) and ended_at is null`,
    [ended.client, ended.sessionId, ended.subject ?? null, ended.by],
  );
  return rowCount === 1;
}

export interface LoginCode extends SessionHolder {
  role: Role;
  codeHash: string;
  minutes: number;
}

export async function createLoginCode(database: Queryable, code: LoginCode): Promise<void> {
  await database.query(
    `insert into ops.login_codes (code_hash, _client_id, role, advertiser, subject, expires_at)
     values ($1, $2, $3, $4, $5, now() + $6 * interval '1 minute')`,
    [code.codeHash, code.client, code.role, code.advertiser, code.subject, code.minutes],
  );
}

/** Null when it is unknown, too old or used: of two at the same time one gets it. */
export async function useLoginCode(database: Queryable, codeHash: string): Promise<SessionHolder | null> {
  const { rows } = await database.query<SessionHolder>(
    `update ops.login_codes set used_at = now() where code_hash = $1 and used_at is null and expires_at > now()
     returning _client_id as client, role, advertiser, null as "affiliateId", subject`,
    [codeHash],
  );
  return rows[0] ?? null;
}

/** A visit lasts while pages are opened at most this far apart. */
const visitMinutes = 30;

/** Records a visit, and returns when the visit before it was; null at the first. */
export async function noteLook(
  database: Queryable,
  { client, subject }: { client: string; subject: string },
): Promise<Date | null> {
  const { rows } = await database.query<{ before: Date | null }>(
    `insert into ops.last_looks as l (_client_id, subject, looked_at) values ($1, $2, now())
     on conflict on constraint last_looks_key do update
       set looked_before_at = case when l.looked_at < now() - $3 * interval '1 minute' then l.looked_at else l.looked_before_at end,
           looked_at = now()
     returning looked_before_at as before`,
    [client, subject, visitMinutes],
  );
  return rows[0]?.before ?? null;
}
