import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { composeDigest } from "../../activities/overview/compose-digest.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { raiseAlert } from "../ops/alerts.ts";
import { readCpaTotals } from "../cost/cpa.ts";

const client = "713";
let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

test("the digest says yesterday's figures as the page has them, and the alerts, the most severe first", async () => {
  await database.pool.query(
    `insert into public.affiliate_mapping (_client_id, redtrack_source_id, everflow_affiliate_label, is_internal, _loaded_by)
     values ($1, 's1', 'Our own', true, 'test')`,
    [client],
  );
  for (const [day, cost] of [
    ["2026-01-09", "80"],
    ["2026-01-10", "123.45"],
  ])
    await database.pool.query(
      `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id)
       values ($1, $2::date, 's1', 'Some source', 10, 0, $3, $2::text, 'r')`,
      [client, day, cost],
    );
  // Spend that reaches no affiliate is spent, and costs none of them anything.
  await database.pool.query(
    `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id)
     values ($1, '2026-01-10', 's2', 'Nobody', 10, 0, 10, '2026-01-10', 'r')`,
    [client],
  );
  for (const severity of ["info", "critical"] as const)
    await raiseAlert(database.pool, {
      client,
      area: "sync",
      kind: "k",
      subject: severity,
      severity,
      message: `${severity} <!channel>`,
    });
  await database.pool.query(
    `insert into findings.findings (_client_id, kind, subject, subject_name, currency, at_stake, cases, first_day, last_day, words, window_from, window_to, facts, held_on, _run_id, state_at, state)
     select $1, 'paid_twice', 'affiliate/' || n, 'One', 'USD', 184.20, 1, '2026-01-10', '2026-01-10', 'w', '2026-01-10', '2026-01-10', '{}', '2026-01-10', 'r',
            now() - (n - 1) * interval '2 days', case when n = 3 then 'dismissed' else 'new' end
       from generate_series(1, 3) n`,
    [client],
  );
  await database.pool.query(
    `insert into findings.tie_out_days (_client_id, date, affiliate_id, affiliate, is_sandbox, everflow, anytrack, in_both, only_anytrack, missing_in_anytrack, missing_in_everflow, amount_differs, refused_by_everflow)
     select $1, d, '9', 'Nine', false, 9, 8, 7, 1, 2, 1, 1, 0 from unnest(array['2026-01-08', '2026-01-09']::date[]) d`,
    [client],
  );
  await database.pool.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, is_final) values ($1, 'everflow.conversions', '2026-01-08', '2026-01-08', 'America/New_York', true)
     on conflict on constraint slices_key do update set is_final = true`,
    [client],
  );
  const message = await composeDigest(
    { database: database.pool },
    { client, day: "2026-01-11", timezone: "America/New_York" },
  );
  const [total] = await readCpaTotals(database.pool, { client, from: "2026-01-10", to: "2026-01-10" });
  expect(total?.finalCost).toBe("123.45");
  expect(message.title).toBe(`Signal Room, 2026-01-11: spend 133.45 ${total?.currency ?? ""}, CPA not known`);
  expect(message.lines[0]).toMatch(
    /^2026-01-10 \(not final\): spend 133\.45 \w+ \(the day before 80\.00\), cost 123\.45 \w+ \(the day before 80\.00\)/,
  );
  expect(message.lines).toContain("Findings in USD: 2 open, 1 new in the last 24 hours, 184.20 USD at stake");
  expect(message.lines).toContain(
    "Tie-out of the last 7 days: missing 2 in AnyTrack, 1 in Everflow; 1 amount differs.",
  );
  const alerts = message.lines.filter((line) => line.includes("(alert "));
  expect(alerts.map((line) => line.slice(0, 12))).toEqual(["• [critical]", "• [info] info".slice(0, 12)]);
});
