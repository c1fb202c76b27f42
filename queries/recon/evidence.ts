import { openSealed, seal, type KeyRing } from "../../core/crypto.ts";
import type { Database, Queryable, Session } from "../../schema/database.ts";

interface OfReport {
  client: string;
  reportId: string;
}

/** What seals evidence, and for how long it is kept. */
export interface EvidenceKeeping {
  credentialsKey: KeyRing | null;
  evidenceDays: number;
}

/** Bound to its report: moved to another, it opens nothing. */
export const evidenceContext = ({ client, reportId }: OfReport) => `evidence/${client}/${reportId}`;

const sealEvidence = (key: KeyRing, of: OfReport, json: string) => seal(key, Buffer.from(json), evidenceContext(of));

/** Beside the report, which is for ever: what a person wrote is not. */
export async function keepEvidence(
  session: Session,
  { client, reportId, json, key, days }: OfReport & { json: string; key: KeyRing; days: number },
): Promise<void> {
  await session.query(
    "insert into recon.report_evidence (_client_id, report_id, sealed, kept_until) values ($1, $2, $3, now() + make_interval(days => $4))",
    [client, reportId, sealEvidence(key, { client, reportId }, json), days],
  );
}

export interface KeptEvidence {
  keptUntil: Date;
}

/** Whether there is evidence, and until when; null for none. */
export async function findEvidence(database: Queryable, { client, reportId }: OfReport): Promise<KeptEvidence | null> {
  const { rows } = await database.query<KeptEvidence>(
    `select kept_until as "keptUntil" from recon.report_evidence where _client_id = $1 and report_id = $2 and kept_until > now()`,
    [client, reportId],
  );
  return rows[0] ?? null;
}

export type OpenedEvidence = KeptEvidence & ({ isOpen: true; evidence: unknown } | { isOpen: false });

/** In clear, for those who may read it; not open when it was sealed under another key. */
export async function openEvidence(
  database: Queryable,
  { client, reportId }: OfReport,
  key: KeyRing | null,
): Promise<OpenedEvidence | null> {
  const { rows } = await database.query<KeptEvidence & { sealed: Buffer | null; unsealed: unknown }>(
    `select sealed, unsealed, kept_until as "keptUntil" from recon.report_evidence where _client_id = $1 and report_id = $2 and kept_until > now()`,
    [client, reportId],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { sealed, unsealed, keptUntil } = row;
  if (sealed === null) return { keptUntil, isOpen: true, evidence: unsealed };
  try {
    if (key === null) return { keptUntil, isOpen: false };
    const json = openSealed(key, sealed, evidenceContext({ client, reportId })).toString("utf8");
    return { keptUntil, isOpen: true, evidence: JSON.parse(json) as unknown };
  } catch {
    return { keptUntil, isOpen: false };
  }
}

/** Deletes what was kept for long enough. */
export async function deleteExpiredEvidence(database: Queryable): Promise<number> {
  const { rowCount } = await database.query("delete from recon.report_evidence where kept_until <= now()");
  return rowCount ?? 0;
}

/** Seals what an earlier version left in clear, a part at a time. */
export async function sealMovedEvidence(
  database: Database,
  { key, limit }: { key: KeyRing; limit: number },
): Promise<number> {
  const { rows } = await database.query<OfReport & { json: string }>(
    `select _client_id as client, report_id::text as "reportId", unsealed::text as json from recon.report_evidence
      where unsealed is not null order by _client_id, report_id limit $1`,
    [limit],
  );
  for (const { client, reportId, json } of rows)
    await database.query(
      "update recon.report_evidence set sealed = $3, unsealed = null where _client_id = $1 and report_id = $2 and unsealed is not null",
      [client, reportId, sealEvidence(key, { client, reportId }, json)],
    );
  return rows.length;
}
