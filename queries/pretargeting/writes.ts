import type { JournaledWrite, PathChange, PlannedWrite } from "../../rules/pretargeting/judge.ts";
import type { Leaf } from "../../rules/pretargeting/leaves.ts";
import type { Stage } from "../../rules/pretargeting/stages.ts";
import type { Queryable } from "../../schema/database.ts";
import type { OfPlan, PlanState } from "./plans.ts";

/** Null where a later attempt has taken over. */
export async function journalWrite(
  database: Queryable,
  { client, planId, fence, stage }: OfPlan & { fence: number; stage: Stage },
  write: PlannedWrite,
): Promise<number | null> {
  const { rows } = await database.query<{ writeId: number }>(
    `insert into rtb.pretargeting_writes (_client_id, plan_id, stage, which, kind, changes)
     select $1, $2, $4, $5, $6, $7 from rtb.pretargeting_plans where _client_id = $1 and plan_id = $2 and fence = $3 for update
     returning write_id as "writeId"`,
    [client, planId, fence, stage, write.which, write.kind, JSON.stringify(write.changes)],
  );
  return rows[0]?.writeId ?? null;
}

export async function settleWrites(
  database: Queryable,
  client: string,
  { writeIds, state }: { writeIds: readonly number[]; state: "arrived" | "refused" | "withheld" },
): Promise<void> {
  if (writeIds.length === 0) return;
  await database.query(
    `update rtb.pretargeting_writes set state = $3, settled_at = now(), settled_no = case when $3 = 'arrived' then nextval('ops.fetch_seq') end
      where _client_id = $1 and write_id = any($2) and state = 'sent'`,
    [client, writeIds, state],
  );
}

export interface WriteRow extends JournaledWrite {
  stage: Stage;
  changes: PathChange[];
  sentAt: Date;
}

export async function readWrites(database: Queryable, { client, planId }: OfPlan): Promise<WriteRow[]> {
  const { rows } = await database.query<WriteRow>(
    `select write_id as "writeId", stage, which, kind, changes, state, sent_at as "sentAt", settled_no as "settledNo"
       from rtb.pretargeting_writes where _client_id = $1 and plan_id = $2 order by write_id`,
    [client, planId],
  );
  return rows;
}

export interface LastWrite {
  path: string;
  planId: number;
  state: PlanState;
  after: Leaf | null;
}

/** Of parts of a configuration the last write of ours that arrived, whichever plan it was of. */
export async function readLastWrites(
  database: Queryable,
  of: { client: string; bidderId: string; configId: string; paths: readonly string[] },
): Promise<LastWrite[]> {
  const { rows } = await database.query<LastWrite>(
    `select distinct on (c.path) c.path, w.plan_id as "planId", p.state, c.after
       from rtb.pretargeting_plans p
       join rtb.pretargeting_writes w using (_client_id, plan_id)
       cross join lateral jsonb_to_recordset(w.changes) c (path text, after jsonb)
      where p._client_id = $1 and p.bidder_id = $2 and p.config_id = $3 and w.which = 'original' and w.state = 'arrived' and c.path = any($4)
      order by c.path, w.settled_no desc`,
    [of.client, of.bidderId, of.configId, of.paths],
  );
  return rows;
}

/** A plan that has changed the same configuration since and is not taken back: the last one. */
export async function findLaterPlan(database: Queryable, { client, planId }: OfPlan): Promise<number | null> {
  const { rows } = await database.query<{ planId: number }>(
    `select p.plan_id as "planId"
       from rtb.pretargeting_plans me
       join rtb.pretargeting_plans p on p._client_id = me._client_id and p.bidder_id = me.bidder_id and p.config_id = me.config_id and p.plan_id <> me.plan_id
       join rtb.pretargeting_writes w on w._client_id = p._client_id and w.plan_id = p.plan_id and w.which = 'original' and w.state = 'arrived'
      where me._client_id = $1 and me.plan_id = $2 and p.state in ('applying', 'applied', 'rolling_back')
        and w.settled_no > (select max(settled_no) from rtb.pretargeting_writes where _client_id = $1 and plan_id = $2 and state = 'arrived')
      order by w.settled_no desc limit 1`,
    [client, planId],
  );
  return rows[0]?.planId ?? null;
}
