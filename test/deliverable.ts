import { randomUUID } from "node:crypto";
import type { StoredOrigin } from "../core/origin.ts";
import type { Queryable } from "../schema/database.ts";

/** A table that stands in for the feeds: what is in it may be delivered. */
export async function createDeliverables(database: Queryable): Promise<void> {
  await database.query(`
    create table public.test_conversions (client text not null default '713', key text primary key, name text not null default 'Base', at timestamptz not null,
      value numeric(18, 6), currency text, order_id text, click_id text, approved boolean not null default true,
      charged_back numeric(18, 6) not null default 0, feed text not null default 'anytrack.conversions', type text not null default 'SALE', changed_at timestamptz not null default now(), origin text not null default 'real');
    create or replace view ops.deliverable_conversions as
      select client as _client_id, key as conversion_key, name as event_name, at as event_time, value, currency, order_id,
             jsonb_build_object('click_id', click_id) as click_ids, feed as source, order_id as order_key, false as is_twin, type,
             case when not approved then 'withdrawn' when value + charged_back <= 0 and charged_back < 0 then 'charged_back' else 'stands' end as standing,
             charged_back::numeric as charged_back, changed_at, origin
        from public.test_conversions`);
}

export interface TestConversion {
  key?: string;
  hoursAgo?: number;
  value?: string;
  currency?: string;
  client?: string;
  clickId?: string | null;
  orderId?: string | null;
  origin?: StoredOrigin;
}

/** Adds conversions and returns their keys. */
export async function addConversions(database: Queryable, conversions: readonly TestConversion[]): Promise<string[]> {
  const whole = conversions.map((one) => ({
    key: `test:${randomUUID()}`,
    hoursAgo: 1,
    value: "60",
    currency: "USD",
    client: "713",
    clickId: "click-1",
    orderId: null,
    origin: "real",
    ...one,
  }));
  await database.query(
    `insert into public.test_conversions (key, at, value, currency, client, click_id, order_id, origin)
     select key, now() - hours * interval '1 hour', value, currency, client, click, order_id, origin
       from unnest($1::text[], $2::double precision[], $3::numeric[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) u(key, hours, value, currency, client, click, order_id, origin)`,
    [
      whole.map((one) => one.key),
      whole.map((one) => one.hoursAgo),
      whole.map((one) => one.value),
      whole.map((one) => one.currency),
      whole.map((one) => one.client),
      whole.map((one) => one.clickId),
      whole.map((one) => one.orderId),
      whole.map((one) => one.origin),
    ],
  );
  return whole.map((one) => one.key);
}
