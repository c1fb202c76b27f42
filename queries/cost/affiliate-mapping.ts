import type { StoredOrigin } from "../../core/origin.ts";
import { type Database, inTransaction, type Queryable, type Session } from "../../schema/database.ts";
import { recordAudit, type Actor } from "../ops/audit.ts";

/** One line of the mapping; see schema/affiliate-mapping.ts for what the fields mean. */
export interface MappedSource {
  redtrackSourceId: string | null;
  redtrackSourceName: string | null;
  everflowAffiliateId: string | null;
  everflowAffiliateLabel: string;
  isInternal: boolean;
}

export type MappingRow = MappedSource & {
  loadedAt: Date;
  loadedBy: string;
  /** When the label led to the Everflow id; null where a person gave it, or it is not known. */
  matchedAt: Date | null;
};

export interface MappingMerged {
  inserted: number;
  updated: number;
  unchanged: number;
  removed: number;
}

/** The mapping would say two things of one affiliate. Nothing was written. */
export class MappingConflict extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join("\n"));
    this.name = "MappingConflict";
  }
}

/** What identifies a line: the source, or for an affiliate without one its label. */
export function mappingKey(row: Pick<MappedSource, "redtrackSourceId" | "everflowAffiliateLabel">): string {
  return row.redtrackSourceId === null ? `affiliate ${row.everflowAffiliateLabel}` : `source ${row.redtrackSourceId}`;
}

export interface MappingMerge {
  client: string;
  rows: readonly MappedSource[];
  /** What the rows are said to come from: a file, or the person that sent them. */
  by: string;
  /** Who did it. */
  actor: Actor;
  /** Remove the rows that are not named. */
  replace: boolean;
}

/**
 * Merges by key: the same rows again change nothing. Rows that are not named stay, unless the given ones replace all.
 * One transaction, and one at a time per client: what is checked is what is committed.
 */
export async function mergeMapping(database: Database, merge: MappingMerge): Promise<MappingMerged> {
  return inTransaction(database, (session) => mergeMappingIn(session, merge));
}

/** The same inside a transaction of the caller's, which may be one that is rolled back. */
export async function mergeMappingIn(session: Session, merge: MappingMerge): Promise<MappingMerged> {
  const { client, rows, by, replace } = merge;
  await session.query("select pg_advisory_xact_lock(hashtextextended('affiliate mapping ' || $1, 0))", [client]);
  const values = [
    client,
    rows.map((row) => row.redtrackSourceId),
    rows.map((row) => row.redtrackSourceName),
    rows.map((row) => row.everflowAffiliateId),
    rows.map((row) => row.everflowAffiliateLabel),
    rows.map((row) => row.isInternal),
    by,
  ];
  const given = `given as (
      select $1::text as client, * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bool[]) as g(source_id, source_name, affiliate_id, label, is_internal))`;
  const same = `m._client_id = g.client and m.redtrack_source_id is not distinct from g.source_id
                  and (g.source_id is not null or m.everflow_affiliate_label = g.label)`;
  const saidId = "case when m._matched_at is null then m.everflow_affiliate_id end";
  // The id that its label led to, given back as it was read, is nothing new.
  const newId =
    "case when m._matched_at is null or m.everflow_affiliate_id is distinct from g.affiliate_id then g.affiliate_id end";
  const removed = !replace
    ? 0
    : (
        await session.query(
          `with ${given} delete from public.affiliate_mapping m where m._client_id = $1 and $7::text is not null and not exists (select from given g where ${same})`,
          values,
        )
      ).rowCount;
  const updated = await session.query(
    `with ${given}
       update public.affiliate_mapping m
          set redtrack_source_name = g.source_name, everflow_affiliate_id = ${newId}, everflow_affiliate_label = g.label,
              is_internal = g.is_internal, _loaded_at = now(), _loaded_by = $7, _matched_at = null
         from given g
        where ${same}
          and (m.redtrack_source_name, ${saidId}, m.everflow_affiliate_label, m.is_internal)
              is distinct from (g.source_name, ${newId}, g.label, g.is_internal)`,
    values,
  );
  const inserted = await session.query(
    `with ${given}
       insert into public.affiliate_mapping (_client_id, redtrack_source_id, redtrack_source_name, everflow_affiliate_id, everflow_affiliate_label, is_internal, _loaded_by)
       select g.client, g.source_id, g.source_name, g.affiliate_id, g.label, g.is_internal, $7 from given g
        where not exists (select from public.affiliate_mapping m where ${same})`,
    values,
  );
  const problems = await findConflicts(session, client);
  if (problems.length > 0) throw new MappingConflict(problems);
  await matchLabels(session, { client });
  const counts = { inserted: inserted.rowCount ?? 0, updated: updated.rowCount ?? 0, removed: removed ?? 0 };
  if (counts.inserted + counts.updated + counts.removed > 0)
    await recordAudit(session, {
      ...merge.actor,
      client,
      action: "mapping_changed",
      subject: "public.affiliate_mapping",
      details: { ...counts, from: by },
    });
  return { ...counts, unchanged: rows.length - counts.inserted - counts.updated };
}

/**
 * Writes down the Everflow id that a label leads to today, and takes it back where it leads to none or to several: for
 * whoever joins by the id. What a person gave stays. A repeat writes nothing.
 */
export async function matchLabels(database: Queryable, of: { client: string }): Promise<void> {
  await database.query(
    `with found as (
       -- In one order: two that fill at once do not wait for each other.
       select m.ctid as place, f.affiliate_id
         from public.affiliate_mapping m
         join public.affiliate_matches f on f._client_id = m._client_id and f.everflow_affiliate_label = m.everflow_affiliate_label
                                        and f.redtrack_source_id is not distinct from m.redtrack_source_id
        where m._client_id = $1 and (m.everflow_affiliate_id is null or m._matched_at is not null)
          and m.everflow_affiliate_id is distinct from f.affiliate_id
        order by m.everflow_affiliate_label, m.redtrack_source_id for update of m)
     update public.affiliate_mapping m
        set everflow_affiliate_id = f.affiliate_id, _matched_at = case when f.affiliate_id is not null then now() end
       from found f where m.ctid = f.place`,
    [of.client],
  );
}

/** Which cost counts for an affiliate has one answer, and so has the label of an Everflow id. */
async function findConflicts(session: Queryable, client: string): Promise<string[]> {
  const { rows } = await session.query<{ problem: string }>(
    `select format('affiliate "%s" is internal in one row and external in another', everflow_affiliate_label) as problem
       from public.affiliate_mapping where _client_id = $1 group by everflow_affiliate_label having bool_or(is_internal) <> bool_and(is_internal)
      union all
     select format('Everflow affiliate %s has several labels: %s', everflow_affiliate_id, string_agg(distinct everflow_affiliate_label, ', '))
       from public.affiliate_mapping where _client_id = $1 and everflow_affiliate_id is not null and _matched_at is null
      group by everflow_affiliate_id having count(distinct everflow_affiliate_label) > 1
      order by 1`,
    [client],
  );
  return rows.map((row) => row.problem);
}

/** By affiliate, then source. */
export async function readMapping(database: Queryable, of: { client: string }): Promise<MappingRow[]> {
  const { rows } = await database.query<MappingRow>(
    `select redtrack_source_id as "redtrackSourceId", redtrack_source_name as "redtrackSourceName", everflow_affiliate_id as "everflowAffiliateId",
            everflow_affiliate_label as "everflowAffiliateLabel", is_internal as "isInternal", _loaded_at as "loadedAt", _loaded_by as "loadedBy",
            _matched_at as "matchedAt"
       from public.affiliate_mapping where _client_id = $1
      order by everflow_affiliate_label, redtrack_source_id nulls last`,
    [of.client],
  );
  return rows;
}

export interface UnmappedSource {
  sourceId: string;
  sourceName: string | null;
  currency: string;
  origin: StoredOrigin;
  days: number;
  firstDay: string;
  lastDay: string;
  /** To the cent. */
  cost: string;
  clicks: number;
}

/** Sources whose spend belongs to no affiliate, the greatest first. */
export async function readUnmappedSpend(
  database: Queryable,
  filter: { client: string; from?: string | undefined; to?: string | undefined },
): Promise<UnmappedSource[]> {
  const { rows } = await database.query<UnmappedSource>(
    `select r.source_id as "sourceId", (array_agg(r.source_name order by r.date desc))[1] as "sourceName", u.currency,
            case when u.origin = 'sandbox' then 'sandbox' when bool_or(u.origin = 'unknown') then 'unknown' else 'real' end as origin, count(*) as days,
            min(r.date) as "firstDay", max(r.date) as "lastDay", round(sum(r.cost), 2) as cost, sum(r.clicks)::bigint as clicks
       from public.unmapped_spend u
       join redtrack.daily_spend r on r._client_id = u._client_id and r.date = u.date and r.source_id = u.source_id
      where u._client_id = $1 and ($2::date is null or u.date >= $2) and ($3::date is null or u.date <= $3)
      group by 1, 3, u.origin = 'sandbox' order by u.origin = 'sandbox', sum(r.cost) desc, 1`,
    [filter.client, filter.from ?? null, filter.to ?? null],
  );
  return rows;
}

export interface UnmatchedMapping {
  label: string;
  matchedBy: "unknown" | "ambiguous";
  sourceIds: string[];
  candidates: string[];
  /** Their spend, to the cent; null when they have none. */
  cost: string | null;
}

/** Labels that lead to no single Everflow affiliate. */
export async function readUnmatchedMapping(database: Queryable, of: { client: string }): Promise<UnmatchedMapping[]> {
  const { rows } = await database.query<UnmatchedMapping>(
    `select m.everflow_affiliate_label as label, m.matched_by as "matchedBy", m.candidates,
            coalesce(array_agg(distinct m.redtrack_source_id) filter (where m.redtrack_source_id is not null), '{}') as "sourceIds",
            round(sum(r.cost), 2) as cost
       from public.affiliate_matches m
       left join lateral (select sum(cost) as cost from redtrack.daily_spend r where r._client_id = m._client_id and r.source_id = m.redtrack_source_id) r on true
      where m._client_id = $1 and m.affiliate_id is null
      group by 1, 2, 3 order by 1`,
    [of.client],
  );
  return rows;
}

/** Is anything of Everflow's here to match labels with? */
export async function hasAffiliates(database: Queryable, of: { client: string }): Promise<boolean> {
  const { rows } = await database.query<{ there: boolean }>(
    "select exists (select from everflow.daily_stats where _client_id = $1) as there",
    [of.client],
  );
  return rows[0]?.there === true;
}

/**
 * What an alert of this kind named when a person closed it, after the newest spend of the source came in: they
 * know. New spend opens it again.
 */
export async function readAcknowledged(
  database: Queryable,
  of: { client: string; kind: string },
): Promise<Set<string>> {
  const { rows } = await database.query<{ name: string }>(
    `select distinct name from ops.alerts a cross join jsonb_array_elements_text(a.details -> 'names') name
      where a._client_id = $1 and a.area = 'mapping' and a.kind = $2 and a.resolved_by <> 'pipeline'
        and not exists (select from redtrack.daily_spend r
                         where r._client_id = a._client_id and r.source_id = name and r._loaded_at > a.resolved_at)`,
    [of.client, of.kind],
  );
  return new Set(rows.map((row) => row.name));
}

/** What the open alert of this kind names. */
export async function readAlerted(database: Queryable, of: { client: string; kind: string }): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(
    `select name from ops.alerts a cross join jsonb_array_elements_text(a.details -> 'names') name
      where a._client_id = $1 and a.area = 'mapping' and a.kind = $2 and a.resolved_at is null order by 1`,
    [of.client, of.kind],
  );
  return rows.map((row) => row.name);
}

/** Writes down what the settings say; a repeat writes nothing. */
export async function recordCurrency(
  database: Queryable,
  account: { client: string; vendor: string; currency: string },
): Promise<void> {
  await database.query(
    `insert into public.account_currency as a (_client_id, vendor, currency) values ($1, $2, $3)
     on conflict (_client_id, vendor) do update set currency = excluded.currency, _loaded_at = now() where a.currency <> excluded.currency`,
    [account.client, account.vendor, account.currency],
  );
}
