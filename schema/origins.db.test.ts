import { expect, jest, test } from "@jest/globals";
import { databaseBefore } from "../test/old-database.ts";
import { readCpaDaily } from "../queries/cost/cpa.ts";
import { migrateDatabase } from "./migrate.ts";

jest.setTimeout(60_000);

test("what an earlier release stored is of unknown origin, but for files, and its spend and conversions stay together", async () => {
  const old = await databaseBefore(/origins/);
  try {
    await old.client.query(`
      insert into ops.slices (_client_id, source, slice, day, timezone, receipt_id) values
        ('713', 'redtrack.daily_spend', '2025-12-18', '2025-12-18', 'America/New_York', 1), ('713', 'everflow.daily_stats', '2025-12-18', '2025-12-18', 'America/New_York', 2);
      insert into redtrack.daily_spend (_client_id, date, source_id, clicks, conversions, cost, _slice, _run_id) values ('713', '2025-12-18', 'fb', 1, 0, 100, '2025-12-18', 'r');
      insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
        values ('713', '2025-12-18', '17', 'G2', '1', '1', 'USD', 1, 4, 0, 200, 0, 0, '2025-12-18', 'r');
      insert into public.affiliate_mapping (_client_id, redtrack_source_id, everflow_affiliate_label, is_internal, _loaded_by) values ('713', 'fb', 'G2', true, 'test');
      insert into ops.files (_client_id, source, name, place, path, bytes, sha256, mapping, mapping_version, options_hash, outcome, run_id, workflow_id, started_at)
        values ('713', 'rtb.performance', 'a.csv', 'import', 'a.csv', 1, 'x', 'm', '1', 'o', 'ingested', 'r', 'w', now());
      select anytrack.receive('713', '[{"conversion_key": "order:1", "event_hash": "h", "type": "SALE", "revenue": 5, "currency": "USD", "event_time": "2025-12-18T12:00:00Z", "version": "2025-12-18T12:00:00Z"}]', '[]', 7)`);
    await migrateDatabase(old.url);
    const { rows } = await old.client.query<{ origins: string }>(
      `select concat_ws(' ', (select string_agg(distinct origin, ',') from ops.slices), (select origin from ops.files),
                        (select origin from anytrack.webhook_events), (select origin from anytrack.conversions)) as origins`,
    );
    expect(rows[0]?.origins).toBe("unknown real unknown unknown");
    expect(await readCpaDaily(old.client, { client: "713", limit: 10 })).toEqual([
      expect.objectContaining({ origin: "unknown", cpa: "25.00", note: null }),
    ]);
  } finally {
    await old.drop();
  }
});
