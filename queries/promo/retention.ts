import type { Queryable } from "../../schema/database.ts";
import { deleteSecretsBefore } from "./address-secrets.ts";
import { sumClickDays } from "./click-days.ts";

/** Few enough that nobody who counts has to wait. */
const atOnce = 5_000;
export const agentDays = 7;
const asideDays = 90;

/** Each takes at most $1 rows of those with more than $2 days. */
const deleteOldImpressions = `delete from promo.promo_impression_tracking where ctid = any(array(
  select ctid from promo.promo_impression_tracking where tracked_date < current_date - $2::integer limit $1))`;
const deleteOldRepeats = `delete from promo.promo_impression_repeats where ctid = any(array(
  select ctid from promo.promo_impression_repeats where tracked_at < now() - $2 * interval '1 day' limit $1))`;
const deleteOldClicks = `delete from promo.promo_click_tracking where ctid = any(array(
  select ctid from promo.promo_click_tracking where clicked_date < current_date - $2::integer limit $1))`;
const deleteOldAgents = `update promo.promo_click_tracking set user_agent_sealed = null where ctid = any(array(
  select ctid from promo.promo_click_tracking
   where user_agent_sealed is not null and clicked_at < now() - $2 * interval '1 day' limit $1))`;
const deleteOldQuarantine = `delete from promo.promo_quarantine where ctid = any(array(
  select ctid from promo.promo_quarantine where quarantined_at < now() - $2 * interval '1 day' limit $1))`;
const deleteOldRefusals = `delete from promo.promo_refusals where ctid = any(array(
  select ctid from promo.promo_refusals where date < current_date - $2::integer limit $1))`;

export interface PruneOptions {
  eventDays: number;
  /** Of a client; of one that is no client any more nobody knows it. */
  timezoneOf: (client: string) => string | undefined;
}

/** Single events go when they are old; counters and daily figures stay. What was kept of browsers goes after a week. */
export async function prunePromo(database: Queryable, { eventDays, timezoneOf }: PruneOptions): Promise<number> {
  await sumClickDays(database, timezoneOf);
  const deleted =
    (await inSteps(database, deleteOldImpressions, eventDays)) + (await inSteps(database, deleteOldClicks, eventDays));
  await inSteps(database, deleteOldRepeats, eventDays);
  await inSteps(database, deleteOldAgents, agentDays);
  await inSteps(database, deleteOldQuarantine, asideDays);
  await inSteps(database, deleteOldRefusals, asideDays);
  const { rows } = await database.query<{ month: string }>(
    "select date_trunc('month', now() at time zone 'UTC')::date as month",
  );
  for (const { month } of rows) await deleteSecretsBefore(database, month);
  return deleted;
}

async function inSteps(database: Queryable, statement: string, days: number): Promise<number> {
  for (let total = 0; ;) {
    const { rowCount } = (await database.query(statement, [atOnce, days])) as { rowCount: number };
    total += rowCount;
    if (rowCount < atOnce) return total;
  }
}
