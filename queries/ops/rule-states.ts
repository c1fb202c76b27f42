import type { RuleState, RuleStanding } from "../../rules/ops/rule-state.ts";
import type { SpendDay } from "../../rules/ops/spend-rules.ts";
import type { Queryable } from "../../schema/database.ts";

interface OfRule {
  client: string;
  rule: string;
}

/** Where a rule stands with each thing it watches. */
export async function readRuleStates(database: Queryable, { client, rule }: OfRule): Promise<Map<string, RuleState>> {
  const { rows } = await database.query<RuleState & { entity: string }>(
    `select entity, state, day::text as day, fired_at as "firedAt" from ops.rule_states where _client_id = $1 and rule = $2`,
    [client, rule],
  );
  return new Map(rows.map(({ entity, ...state }) => [entity, state]));
}

export interface JudgedDay {
  entity: string;
  state: RuleStanding;
  day: string;
  firedAt: Date | null;
  value: number | null;
  threshold: number | null;
}

export async function writeRuleState(database: Queryable, { client, rule }: OfRule, judged: JudgedDay): Promise<void> {
  await database.query(
    `insert into ops.rule_states as s (_client_id, rule, entity, state, day, first_at, last_at, fired_at, value, threshold)
     values ($1, $2, $3, $4, $5, now(), now(), $6, $7, $8)
     on conflict on constraint rule_states_key do update
       set first_at = case when s.state = excluded.state then s.first_at else now() end, state = excluded.state, day = excluded.day,
           last_at = now(), fired_at = excluded.fired_at, value = excluded.value, threshold = excluded.threshold`,
    [client, rule, judged.entity, judged.state, judged.day, judged.firedAt, judged.value, judged.threshold],
  );
}

export interface EntityDays {
  entity: string;
  name: string;
  days: SpendDay[];
}

interface Range {
  client: string;
  from: string;
  to: string;
}

/** Final days of Redtrack: every source with its spend, nothing where it had none. */
export async function readSourceDays(database: Queryable, { client, from, to }: Range): Promise<EntityDays[]> {
  const { rows } = await database.query<EntityDays>(
    `with whole as (
       select day from ops.slices where _client_id = $1 and source = 'redtrack.daily_spend' and is_final and day between $2 and $3
     ), known as (
       select source_id, (array_agg(coalesce(source_name, source_id) order by date desc))[1] as name, min(date) as first
         from redtrack.daily_spend where _client_id = $1 and date between $2 and $3 group by 1)
     select 'redtrack/' || k.source_id as entity, k.name,
            jsonb_agg(jsonb_build_object('day', w.day, 'clicks', coalesce(d.clicks, 0), 'spend', coalesce(d.cost, 0)) order by w.day) as days
       from known k join whole w on w.day >= k.first
       left join redtrack.daily_spend d on d._client_id = $1 and d.source_id = k.source_id and d.date = w.day
      group by 1, 2 order by 1`,
    [client, from, to],
  );
  return rows;
}

/** Days that files told of: every campaign with its spend. A day without a row of the campaign it was not running. */
export async function readCampaignDays(database: Queryable, { client, from, to }: Range): Promise<EntityDays[]> {
  const { rows } = await database.query<EntityDays>(
    `select 'campaign/' || campaign_id as entity, max(campaign_name) as name,
            jsonb_agg(jsonb_build_object('day', date, 'clicks', clicks, 'spend', spend) order by date) as days
       from rtb.campaign_days where _client_id = $1 and date between $2 and $3 group by campaign_id order by campaign_id`,
    [client, from, to],
  );
  return rows;
}

/** The days of ad performance that a file told of. */
export async function readFileDates(database: Queryable, { client, from, to }: Range): Promise<string[]> {
  const { rows } = await database.query<{ day: string }>(
    "select distinct date::text as day from ops.file_days where _client_id = $1 and date between $2 and $3 order by 1",
    [client, from, to],
  );
  return rows.map(({ day }) => day);
}

/** Redtrack's days that are final. */
export async function readFinalDates(database: Queryable, { client, from, to }: Range): Promise<string[]> {
  const { rows } = await database.query<{ day: string }>(
    "select day::text as day from ops.slices where _client_id = $1 and source = 'redtrack.daily_spend' and is_final and day between $2 and $3 order by 1",
    [client, from, to],
  );
  return rows.map(({ day }) => day);
}

/** When a day of Redtrack was last read; null where it was not. */
export async function readLastReading(
  database: Queryable,
  { client, day }: { client: string; day: string },
): Promise<Date | null> {
  const { rows } = await database.query<{ at: Date | null }>(
    "select fetched_at as at from ops.slices where _client_id = $1 and source = 'redtrack.daily_spend' and slice = $2",
    [client, day],
  );
  return rows[0]?.at ?? null;
}
