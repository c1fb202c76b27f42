import type { StoredOrigin } from "../../core/origin.ts";
import type { FindingKind, FindingState } from "../../rules/findings/kinds.ts";
import type { Queryable } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

/** One finding as people read it. */
export interface FindingRow {
  findingId: number;
  kind: FindingKind;
  subject: string;
  subjectName: string;
  state: FindingState;
  stateReason: string | null;
  stateBy: string | null;
  stateAt: Date;
  snoozedUntil: string | null;
  doneOn: string | null;
  currency: string;
  atStake: string;
  cases: number;
  firstDay: string;
  lastDay: string;
  words: string;
  p: number | null;
  windowFrom: string;
  windowTo: string;
  heldOn: string;
  createdAt: Date;
  updatedAt: Date;
  origin: StoredOrigin;
}

const columns = `f.finding_id as "findingId", f.kind, f.subject, f.subject_name as "subjectName", f.state, f.state_reason as "stateReason", f.state_by as "stateBy",
  f.state_at as "stateAt", f.snoozed_until as "snoozedUntil", f.done_on as "doneOn", f.currency, f.at_stake as "atStake", f.cases, f.first_day as "firstDay",
  f.last_day as "lastDay", f.words, f.p, f.window_from as "windowFrom", f.window_to as "windowTo", f.held_on as "heldOn",
  f.created_at as "createdAt", f.updated_at as "updatedAt", f.origin`;

export interface FindingFilter {
  client: string;
  kind: FindingKind | null;
  subject: string | null;
  currency: string | null;
  minAtStake: string | null;
  states: readonly FindingState[];
}

const filtered = `f._client_id = :client and (:kind::text is null or f.kind = :kind) and (:subject::text is null or f.subject = :subject)
  and (:currency::text is null or f.currency = :currency) and (:minAtStake::numeric is null or f.at_stake >= :minAtStake) and f.state = any(:states::text[])`;

/** The most at stake first, or by when and what. */
export const findingOrders = {
  by: {
    atStake: [{ sql: "f.at_stake", type: "number" }],
    cases: [{ sql: "f.cases", type: "whole" }],
    lastDay: [{ sql: "f.last_day", type: "day" }],
    createdAt: [{ sql: "f.created_at", type: "moment" }],
    subjectName: [{ sql: "lower(f.subject_name)", type: "text" }],
  },
  then: [{ sql: "f.finding_id", type: "whole" }],
  usual: "-atStake",
} satisfies Orders;

export function listFindings(
  database: Queryable,
  filter: FindingFilter,
  { order, limit }: { order?: Order; limit: number },
): Promise<Placed<FindingRow>[]> {
  return readOrdered<FindingRow>(database, {
    ...{ columns, from: "findings.findings f", where: filtered, values: { ...filter } },
    ...{ orders: findingOrders, order, limit },
  });
}

export interface FindingTotals {
  count: number;
  fresh: number;
  amounts: { currency: string; count: number; atStake: string }[];
}

/** What the filters leave in all, currency by currency: amounts of several are never summed. */
export async function totalFindings(database: Queryable, filter: FindingFilter): Promise<FindingTotals> {
  const { rows } = await database.query<{ currency: string; count: number; fresh: number; atStake: string }>(
    named(
      `select f.currency, count(*)::int as count, (count(*) filter (where f.state = 'new'))::int as fresh, sum(f.at_stake) as "atStake"
         from findings.findings f where ${filtered} group by f.currency order by sum(f.at_stake) desc, f.currency`,
      { ...filter },
    ),
  );
  return {
    count: rows.reduce((sum, { count }) => sum + count, 0),
    fresh: rows.reduce((sum, { fresh }) => sum + fresh, 0),
    amounts: rows.map(({ currency, count, atStake }) => ({ currency, count, atStake })),
  };
}

export type FindingDetails = FindingRow & { facts: unknown; runId: string; workflowId: string | null };

export async function findFinding(
  database: Queryable,
  of: { client: string; findingId: number },
): Promise<FindingDetails | null> {
  const { rows } = await database.query<FindingDetails>(
    `select ${columns}, f.facts, f._run_id as "runId", r.workflow_id as "workflowId"
       from findings.findings f left join findings.finding_runs r on r._client_id = f._client_id and r._run_id = f._run_id
      where f._client_id = $1 and f.finding_id = $2`,
    [of.client, of.findingId],
  );
  return rows[0] ?? null;
}

/** A row that a finding follows from, as it was when it was last found. */
export interface EvidenceRow {
  position: number;
  date: string;
  item: string;
  saidBy: string;
  amount: string;
  currency: string;
  count: number | null;
  otherSaidBy: string | null;
  otherAmount: string | null;
  otherCurrency: string | null;
  usual: string | null;
  atStake: string | null;
}

/** Day by day, or the most at stake first. */
export const evidenceOrders = {
  by: {
    position: [],
    atStake: [{ sql: "r.at_stake", type: "number", canBeMissing: true }],
  },
  then: [{ sql: "r.position", type: "whole" }],
  usual: "position",
} satisfies Orders;

export function listEvidence(
  database: Queryable,
  of: { client: string; findingId: number },
  { order, limit }: { order?: Order; limit: number },
): Promise<Placed<EvidenceRow>[]> {
  return readOrdered<EvidenceRow>(database, {
    columns: `r.position, r.date, r.item, r.said_by as "saidBy", r.amount, r.currency, r.count, r.other_said_by as "otherSaidBy", r.other_amount as "otherAmount",
      r.other_currency as "otherCurrency", r.usual, r.at_stake as "atStake"`,
    ...{ from: "findings.finding_rows r", where: "r._client_id = :client and r.finding_id = :findingId" },
    ...{ values: { ...of }, orders: evidenceOrders, order, limit },
  });
}

/** What a morning is to know: what is open, and what is new since then. */
export async function readNews(
  database: Queryable,
  { client, since }: { client: string; since: Date },
): Promise<{ currency: string; open: number; fresh: number; atStake: string }[]> {
  const { rows } = await database.query<{ currency: string; open: number; fresh: number; atStake: string }>(
    `select currency, count(*)::int as open, (count(*) filter (where state = 'new' and state_at >= $2))::int as fresh,
            coalesce(sum(at_stake) filter (where state = 'new' and state_at >= $2), 0)::numeric(18, 2) as "atStake"
       from findings.findings where _client_id = $1 and state in ('new', 'seen') group by currency order by currency`,
    [client, since],
  );
  return rows;
}
