import type { ListedState } from "../../rules/shared/listed-states.ts";
import type { Queryable, Session } from "../../schema/database.ts";

/** Where a list of what searches find is kept: with its states, and the log of what became of each. */
export interface Kept {
  table: string;
  id: string;
  changes: string;
}

/** One search or decision of a client at a time, to the end of the transaction. */
export async function lockListed(session: Session, { table }: Kept, client: string): Promise<void> {
  await session.query("select pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))", [table, client]);
}

export interface StateChange {
  client: string;
  id: number;
  from: ListedState | null;
  to: ListedState;
  actor: string;
  /** Null for what a search does. */
  role: string | null;
  /** The person whose decision it is that a search hands on. */
  decidedBy?: string | null;
  reason: string | null;
  /** For one that is snoozed. */
  until?: string | null;
  /** For one that is done: the client's day. */
  doneOn?: string | null;
}

/** The new state, and the line that says so. */
export async function changeState(session: Session, { table, id, changes }: Kept, change: StateChange): Promise<void> {
  const decidedBy = change.role === null ? (change.decidedBy ?? null) : change.actor;
  await session.query(
    `update ${table} set state = $3, state_reason = $4, state_by = $5, state_at = now(), snoozed_until = $6, done_on = $7
      where _client_id = $1 and ${id} = $2`,
    [change.client, change.id, change.to, change.reason, decidedBy, change.until ?? null, change.doneOn ?? null],
  );
  await session.query(
    `insert into ${changes} (_client_id, ${id}, actor, role, from_state, to_state, reason) values ($1, $2, $3, $4, $5, $6, $7)`,
    [change.client, change.id, change.actor, change.role, change.from, change.to, change.reason],
  );
}

export interface Decision<State extends ListedState = ListedState> {
  client: string;
  id: number;
  state: State;
  reason: string | null;
  until: string | null;
  doneOn: string | null;
  actor: string;
  role: string;
  /** The state that the person saw; null to decide whatever it is. */
  expected: State | null;
}

/** Whoever changed it before the person who decides now had seen that. */
export interface ChangedMeanwhile {
  state: ListedState;
  actor: string;
  at: Date;
}

export type Outcome = { from: ListedState; changed: boolean } | { meanwhile: ChangedMeanwhile };

/** What a person makes of one; null when there is none of this number, the same state when nothing changed. */
export async function decide(
  session: Session,
  kept: Kept,
  { state, expected, ...decision }: Decision,
): Promise<Outcome | null> {
  const { client, id, until, reason, doneOn } = decision;
  await lockListed(session, kept, client);
  const { rows } = await session.query<{
    state: ListedState;
    reason: string | null;
    until: string | null;
    doneOn: string | null;
  }>(
    `select state, state_reason as reason, snoozed_until as until, done_on as "doneOn" from ${kept.table} where _client_id = $1 and ${kept.id} = $2`,
    [client, id],
  );
  const [before] = rows;
  if (before === undefined) return null;
  if (before.state === state && before.reason === reason && before.until === until && before.doneOn === doneOn)
    return { from: state, changed: false };
  if (expected !== null && expected !== before.state) {
    const [last] = await listChanges(session, kept, { client, id });
    if (last !== undefined) return { meanwhile: { state: before.state, actor: last.actor, at: last.at } };
  }
  await changeState(session, kept, { ...decision, from: before.state, to: state });
  return { from: before.state, changed: true };
}

export interface ListedChange<State extends ListedState = ListedState> {
  at: Date;
  actor: string;
  role: string | null;
  from: State | null;
  to: State;
  reason: string | null;
}

/** What became of one, the last first. */
export async function listChanges<State extends ListedState>(
  database: Queryable,
  { id, changes }: Kept,
  of: { client: string; id: number },
): Promise<ListedChange<State>[]> {
  const { rows } = await database.query<ListedChange<State>>(
    `select at, actor, role, from_state as "from", to_state as "to", reason from ${changes}
      where _client_id = $1 and ${id} = $2 order by change_id desc limit 200`,
    [of.client, of.id],
  );
  return rows;
}

/**
 * The first day of the first window in which one was found, so that what was done before has nothing to do with it; null when
 * there is none of this number. Windows of a kind are equally long, and move with the nights.
 */
export async function firstDayOf(
  session: Session,
  { table, id }: Kept,
  of: { client: string; id: number },
): Promise<string | null> {
  const { rows } = await session.query<{ day: string }>(
    `select least(window_from, created_at::date - (window_to - window_from) - 1) as day from ${table} where _client_id = $1 and ${id} = $2`,
    [of.client, of.id],
  );
  return rows[0]?.day ?? null;
}
