import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { addDays } from "../../core/days.ts";
import { sumMoney } from "../../core/money.ts";
import { inTransaction } from "../../schema/database.ts";
import { ensureFresh, refreshAggregates, refreshCampaigns } from "../rtb/rollups.ts";
import {
  database,
  client,
  today,
  asAnother,
  line,
  ingest,
  stored,
  keyOf,
  expectRollupsToBeTrue,
  makeCampaign,
  type Line,
} from "../../test/merging-files.ts";

/** Two seats share an id. */
const creatives = ["A/1", "B/1", "2", "A/x-3", "5", "9007199254740993"];
const anyLine: fc.Arbitrary<Line> = fc.record({
  creative: fc.constantFrom(...creatives),
  // Around every edge of the periods, and long ago.
  date: fc.constantFrom(0, 0, 1, 1, 2, 6, 7, 13, 14, 29, 30, 59, 60, 61, 400).map((days) => addDays(today, -days)),
  hour: fc.constantFrom(null, 0, 23),
  geography: fc.constantFrom(null, "BR", "NA"),
  device: fc.constantFrom(null, "mobile"),
  placement: fc.constantFrom(null, "Größe\\"),
  impressions: fc.integer({ min: 0, max: 1_000 }),
  clicks: fc.integer({ min: 0, max: 5 }),
  spend: fc.integer({ min: 0, max: 3_000 }).map((cents) => (cents / 100).toFixed(2)),
});
const anyFile = fc.record({
  lines: fc.array(anyLine, { minLength: 1, maxLength: 25 }),
  combine: fc.constantFrom("later" as const, "later" as const, "sum" as const),
  twice: fc.boolean(),
});

test("amounts whose sum does not fit eight bytes are added up exactly, first and when they change", async () => {
  const hours = Array.from({ length: 20 }, (_, hour) => hour);
  const most = "999999999999";
  await ingest({ lines: hours.map((hour) => line({ hour, spend: most })) });
  await expectRollupsToBeTrue();
  await ingest({ lines: hours.map((hour) => line({ hour, spend: hour % 2 === 0 ? "1" : most })) });
  await expectRollupsToBeTrue();
});

test("random files in a row: the table equals the model, every line is accounted for, and the roll-ups are true after each", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyFile, { minLength: 1, maxLength: 4 }), async (files) => {
      asAnother();
      await makeCampaign("some", creatives.slice(0, 3));
      await makeCampaign("overlapping", creatives.slice(2));
      await makeCampaign("empty", []);
      const model = new Map<string, string>();
      for (const file of files.flatMap((one) => (one.twice ? [one, one] : [one]))) {
        const merged = await ingest({ lines: file.lines, combine: file.combine });
        const winners = new Map<string, Line>();
        for (const one of file.lines) {
          const before = winners.get(keyOf(one));
          winners.set(
            keyOf(one),
            before === undefined || file.combine === "later"
              ? one
              : {
                  ...one,
                  impressions: before.impressions + one.impressions,
                  clicks: before.clicks + one.clicks,
                  spend: sumMoney([before.spend, one.spend]),
                },
          );
        }
        const counts = { inserted: 0, updated: 0, unchanged: 0 };
        for (const [key, one] of winners) {
          const value = `${one.impressions} ${one.clicks} ${sumMoney([one.spend])}`;
          const before = model.get(key);
          if (before?.startsWith(`${value} `) === true) counts.unchanged += 1;
          else {
            counts[before === undefined ? "inserted" : "updated"] += 1;
            model.set(key, `${value} ${merged.fileId}`);
          }
        }
        const doubled = file.lines.length - winners.size;
        expect(merged).toMatchObject({
          ...counts,
          combined: file.combine === "sum" ? doubled : 0,
          superseded: { lines: file.combine === "sum" ? 0 : doubled },
        });
        const all = [...winners.values()];
        expect(merged.stored).toEqual({
          impressions: String(all.reduce((sum, { impressions }) => sum + impressions, 0)),
          clicks: String(all.reduce((sum, { clicks }) => sum + clicks, 0)),
          spend: sumMoney(all.map(({ spend }) => spend)),
        });
        if (file.combine === "later")
          expect(sumMoney([merged.stored.spend, merged.superseded.spend])).toBe(
            sumMoney(file.lines.map(({ spend }) => spend)),
          );
        expect(await stored()).toEqual(model);
        await expectRollupsToBeTrue();
      }
      const kept = await rollups();
      await refreshAggregates(database.pool, { client, today });
      expect(await rollups()).toEqual(kept);
    }),
    { numRuns: 25 },
  );
});

async function rollups(): Promise<unknown> {
  const { rows } = await database.pool.query(
    `select (select json_agg(p order by creative_id) from rtb.creative_performance p where _client_id = $1) as creatives,
            (select json_agg(t order by period) from rtb.spend_tiers t where _client_id = $1) as tiers,
            (select json_agg(to_jsonb(c) - 'last_performance_update' order by campaign_id) from rtb.campaigns c where _client_id = $1) as campaigns`,
    [client],
  );
  return rows[0];
}

describe("when a day has begun", () => {
  const lines = [0, 1, 2, 6, 7, 13, 29, 30, 59].map((days) =>
    line({ date: addDays(today, -days), creative: String(days % 3), spend: String(days + 1) }),
  );

  test("readers move the periods on before they read, and once is enough", async () => {
    await makeCampaign("all", ["0", "1", "2"]);
    await ingest({ lines });
    const tomorrow = addDays(today, 1);
    await Promise.all([1, 2, 3].map(() => ensureFresh(database.pool, { client, today: tomorrow })));
    await expectRollupsToBeTrue(tomorrow);
    // A clock that is behind changes nothing.
    await ensureFresh(database.pool, { client, today });
    await refreshAggregates(database.pool, { client, today });
    await expectRollupsToBeTrue(tomorrow);
  });

  test("an import moves the periods of all creatives on, not just of those it touches", async () => {
    await makeCampaign("all", ["0", "1", "2"]);
    await ingest({ lines });
    const later = addDays(today, 8);
    await ingest({ lines: [line({ creative: "0", date: later })], today: later });
    await expectRollupsToBeTrue(later);
  });
});

test("a file of long ago changes the sums of all days alone", async () => {
  await makeCampaign("all", ["79783"]);
  await ingest({ lines: [line()] });
  await ingest({ lines: [line({ date: "2020-02-29" }), line({ date: "2020-02-29", creative: "4" })] });
  await expectRollupsToBeTrue();
});

test("once they are filled, the planner knows how large the roll-ups are", async () => {
  await database.pool.query(
    "insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id) select $1, n, '2025-12-17', -1, 'BR', 'mobile', '', 1, 0, n, 1 from generate_series(1, 2000) n",
    [client],
  );
  await refreshAggregates(database.pool, { client, today });
  const { rows } = await database.pool.query<{ known: number }>(
    "select reltuples::int as known from pg_class where oid = 'rtb.creative_performance'::regclass",
  );
  expect(rows[0]?.known).toBeGreaterThanOrEqual(2_000);
});

test("rows that somebody removed by hand leave the roll-ups with the next refresh", async () => {
  await ingest({ lines: [line(), line({ creative: "2" })] });
  await database.pool.query(
    "delete from rtb.performance_metrics where _client_id = $1 and creative_id = (select id from rtb.creatives where _client_id = $1 and creative_id = '2')",
    [client],
  );
  expect(await refreshAggregates(database.pool, { client, today })).toEqual({
    client,
    asOf: today,
    creatives: 1,
    campaigns: 0,
  });
  await expectRollupsToBeTrue();
});

test("a campaign that gets other creatives is computed anew with them", async () => {
  await ingest({ lines: [line(), line({ creative: "2", spend: "7", geography: "IE" })] });
  const id = await makeCampaign("late", ["79783", "2"]);
  await inTransaction(database.pool, (session) => refreshCampaigns(session, { client, campaignIds: [id] }));
  await expectRollupsToBeTrue();
});

test("of one month only that month's part is read", async () => {
  await ingest({ lines: [line(), line({ date: "2025-10-01" })] });
  const { rows } = await database.pool.query<{ "QUERY PLAN": string }>(
    "explain select sum(spend) from rtb.performance where _client_id = $1 and date between '2025-12-12' and '2025-12-18'",
    [client],
  );
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  expect(plan).toContain("performance_metrics_2025_12");
  expect(plan).not.toContain("performance_metrics_2025_10");
});
