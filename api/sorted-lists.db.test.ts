import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { judge, makeAffiliate, makeCampaign } from "../test/api-recon.ts";
import { bearer, testServer } from "../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../test/database.ts";
import { countUpTo } from "../queries/shared/count-up-to.ts";
import { keysOf } from "../queries/shared/ordered.ts";
import type { Api } from "./server/parts.ts";

// Every list, whole, in every order.
jest.setTimeout(90_000);

/** By a list's own rules, with a test of its own: the greatest spend and the lowest price are both "first". */
const otherwise = ["/api/v1/rtb/creatives", "/api/v1/ops/freshness/grid"];
const rowsOfEach = 9;

let database: TestDatabase;
let api: Api;
let claimant: string;
/** What stands for the id in the path of a list that is not an affiliate's. */
const ids: Record<string, string> = {};
beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({ database: database.pool, env: { API_RATE_LIMIT_PER_MINUTE: "100000" } });
  for (const statement of filled)
    await database.pool.query(statement.replaceAll(":rows", `generate_series(1, ${rowsOfEach}) n`));
  const { affiliateId } = await makeAffiliate(database.pool, { client: "713", name: "Claims" });
  claimant = affiliateId;
  for (const [path, statement] of Object.entries(owners)) {
    const { rows } = await database.pool.query<{ id: string }>(statement);
    ids[path] = rows[0]?.id ?? "";
  }
  const campaignId = await makeCampaign(database.pool, { client: "713", name: "Claimed" });
  for (let n = 0; n < rowsOfEach; n += 1)
    await judge(database.pool, {
      ...{ client: "713", affiliateId, campaignId, url: `https://www.reddit.com/r/a/comments/abc${n}/x/` },
      ...{ claimed: [900 + (n % 4), n % 3, 0], verified: [100, 1, 0], verdict: "DISCREPANCY", level: "HIGH" },
    });
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const today = "(now() at time zone 'America/New_York')::date";
const day = `(${today} - n % 4)`;
/** Every third has no amount, and equals come in twos and threes. */
const amount = "case when n % 3 = 0 then null else (n % 4) * 1000.5 - 1500 end";
const filled = [
  `insert into ops.receipts (_client_id, source, slice, timezone, fetch_seq, fetched_at, outcome, pages, fetched, inserted, updated, unchanged, withdrawn,
                             quarantined, quarantined_total, total, vendor_total, content_hash, run_id, workflow_id, workflow_run_id, attempt)
   select '713', 's' || n % 2, ${day}::text, 'UTC', n, now(), 'changed', 1, 1, n % 3, n % 2, 0, 0, 0, 0, (n % 4) * 1000.5 - 1500, null, 'h', 'r', 'w', 'w', 1 from :rows`,
  `insert into ops.restatements (_client_id, source, slice, row_key, kind, old, new, fetch_seq, run_id)
   select '713', 's', ${day}::text, jsonb_build_object('id', n), 'changed', jsonb_build_object('clicks', n), jsonb_build_object('clicks', n, case when n % 2 = 0 then 'cost' else 'payout' end, ${amount}), n, 'r' from :rows`,
  `insert into ops.quarantine (_client_id, source, slice, line, reason, content, content_hash, run_id)
   select '713', 'rtb.performance', 'file/' || n % 3, case when n % 4 > 0 then n % 4 end, 'why', 'sealed:x', n::text, 'r' from :rows`,
  `insert into ops.runs (run_id, _client_id, source, kind, workflow_id, outcome, slices_planned, slices_done, slices_failed, inserted, day_from, day_to, started_at)
   select 'run-' || n, '713', 's' || n % 2, 'sync', 'w', 'completed', 1, n % 3, n % 2, n % 4, case when n % 3 > 0 then ${day} end, case when n % 3 > 0 then ${day} end,
          now() - (n % 4) * interval '0.000007 seconds' from :rows`,
  `insert into anytrack.conversions (_client_id, conversion_key, type, revenue, currency, event_time, version, date, seen_by_pull_at, _run_id, origin)
   select '713', 'k' || n, 'SALE', ${amount}, 'USD', now() - (n % 4) * interval '0.000007 seconds', now(), ${today}, now(), 'r', 'real' from :rows`,
  `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, offer_id, currency, payout, revenue, _slice, _run_id)
   select '713', 'e' || n, ${day}, ${day} + (n % 2) * interval '0.000007 seconds', 'approved', false, '4', '7', 'USD', n % 4, n % 3, ${day}::text, 'r' from :rows`,
  `insert into ops.deliveries (_client_id, destination, conversion_key, event_id, event_name, event_time, value, currency, state)
   select '713', case when n % 2 = 0 then 'meta' else 'hubspot' end, 'k' || n / 2, 'x', 'Purchase', now() - (n % 3) * interval '0.000007 seconds', ${amount}, 'USD', 'delivered' from :rows`,
  `insert into ops.alerts (_client_id, area, kind, subject, severity, message, details, last_seen_at, times_seen)
   select '713', area, 'odd', 's' || n, (array['info', 'warning', 'critical'])[1 + n % 3], 'm', '{}', now() - (n % 4) * interval '0.000007 seconds', n % 4
     from :rows cross join unnest(array['sync', 'recon']) area`,
  `insert into ops.audit (_client_id, actor, role, action, subject, details) select '713', 'ada', 'admin', 'line_viewed', 'q/' || n, '{}' from :rows`,
  `insert into ops.files (_client_id, source, name, place, path, bytes, sha256, mapping, mapping_version, options_hash, outcome, lines, inserted, rejected, superseded, spend, day_from, day_to, replaced, run_id, workflow_id, started_at)
   select '713', 'rtb.performance', 'File ' || chr(96 + n % 4) || '.csv', 'import', 'in', 10, n::text, 'google', '1', 'o', case when n % 3 = 0 then 'refused' else 'ingested' end, n % 4 + 9, n % 4 + 9 - n % 3 - n % 2, n % 3, n % 2,
          n % 4 + 0.005, case when n % 3 > 0 then ${day} end, case when n % 3 > 0 then ${day} end, n % 2, 'run ' || n, 'w', now() from :rows`,
  `insert into recon.affiliates (_client_id, name, api_key_hash, api_key_prefix, trust_score, origin) select '713', case when n % 2 = 0 then 'Ada ' else 'bea ' end || n, 'h' || n, 'p', (n % 4) * 0.25, 'real' from :rows`,
  `insert into recon.campaigns (_client_id, advertiser_id, name, starts_on, ends_on, origin)
   select '713', 'Adv-' || n % 2, 'Post ' || n % 4 || n, case when n % 3 > 0 then ${day} end, case when n % 3 > 0 then ${day} + 9 end, 'real' from :rows`,
  `insert into rtb.buyer_seats (_client_id, buyer_id, display_name, creative_count, last_sync, origin)
   select '713', 'b' || n, case when n % 3 > 0 then 'Seat ' || n % 4 end, n % 3, case when n % 3 > 0 then now() - (n % 4) * interval '0.000007 seconds' end, 'real' from :rows`,
  `insert into rtb.creatives (_client_id, creative_id, buyer_id, approval_status, origin) select '713', n::text, 'b' || n % 5, 'APPROVED', 'real' from :rows`,
  `insert into rtb.campaigns (_client_id, campaign_name, confidence_score, total_spend_7d, total_spend_30d, total_spend_all_time, avg_cpc_7d, avg_cpm_7d, origin)
   select '713', 'Camp ' || n, case when n % 3 > 0 then (n % 4) * 0.2 end, n % 3 + 0.0000001 * n, n % 4, n % 2, ${amount}, ${amount}, 'real' from :rows`,
  `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
   select '713', ${day}, (n % 5)::text, 'Aff ' || n % 5, '1', n::text, 'USD', 5, n % 3, n % 4, n % 2 * 9, 1, 0, ${day}::text, 'r' from :rows`,
  `insert into rtb.campaign_creatives (_client_id, campaign_id, creative_id)
   select '713', (select min(campaign_id) from rtb.campaigns), id from rtb.creatives`,
  `insert into rtb.creative_performance (_client_id, creative_id, spend_7d, spend_all) select '713', id, id % 3 + 0.0000004 * id, id % 4 from rtb.creatives where id % 5 > 0`,
  `update rtb.creatives set advertiser_name = 'Adv ' || id % 4 where id % 3 > 0`,
  "insert into ops.channels (_client_id, name, kind, hint, is_setting, updated_by) values ('713', 'Ops', 'webhook', 'example.com', true, 'test')",
  `insert into ops.channel_deliveries (_client_id, channel_id, what, edition, state, attempts, created_at)
   select '713', (select min(channel_id) from ops.channels), case when n % 2 = 0 then 'opened' else 'test' end, n, case when n % 3 = 0 then 'failed' else 'delivered' end, n % 4,
          now() - (n % 4) * interval '0.000007 seconds' from :rows`,
  `insert into ops.sessions (_client_id, session_hash, role, subject, logged_in_by, browser, created_at, last_seen_at, expires_at)
   select '713', 'h' || n, 'analyst', 'ada ' || n % 3, 'a link', 'browser ' || n % 2, now() - n * interval '1 hour', now() - (n % 4) * interval '0.000007 seconds', now() + n % 5 * interval '1 hour' + interval '1 day' from :rows`,
  `insert into rtb.questions (_client_id, name, question, created_by, updated_by, updated_at)
   select '713', 'Question ' || n, '{"subject": "day", "metric": "spend"}', 'ada', 'ada', now() - (n % 4) * interval '0.000007 seconds' from :rows`,
  `insert into rtb.opportunities (_client_id, insight_type, campaign_id, subject, recommendation, basis, current_metric_value, reference_value, current_spend_weekly, target_spend_weekly,
                                  potential_savings_weekly, potential_savings_weekly_low, confidence_score, window_from, window_to, evidence, held_on, _run_id, origin, geography)
   select '713', 'undervalued_geo', n, 'geo ' || n, 'r', 'b', n % 4 + 1, n % 3 + 0.5, 100, 100 - n % 4, n % 4, n % 3, (n % 3) / 7.0, ${today}, ${today}, '{}', ${today}, 'r', 'real', 'BR' from :rows`,
  `insert into rtb.pretargeting_plans (_client_id, source, wanted, state, state_at, created_by, origin)
   select '713', 'waste', '{}', 'refused', now() - (n % 4) * interval '0.000007 seconds', 'ada', 'real' from :rows`,
  `insert into findings.findings (_client_id, kind, subject, subject_name, currency, at_stake, cases, first_day, last_day, words, window_from, window_to, facts, held_on, created_at, _run_id)
   select '713', kind, 'affiliate/' || n, 'Partner ' || n % 4, 'USD', n % 4, n % 3, ${day}, ${day}, 'w', ${today}, ${today}, '{}', ${today}, now() - (n % 4) * interval '0.000007 seconds', 'r'
     from :rows cross join unnest(array['paid_twice', 'click_times']) kind`,
  `insert into findings.tie_out_items (_client_id, item, date, difference, at_stake, currency, is_sandbox)
   select '713', 'everflow:' || n, ${day}, 'missing_in_anytrack', case when n % 3 > 0 then n % 4 end, 'USD', false from :rows`,
  `insert into findings.tie_out_days (_client_id, date, affiliate_id, affiliate, is_sandbox, everflow, anytrack, in_both, only_anytrack, missing_in_anytrack, missing_in_everflow, amount_differs, refused_by_everflow)
   select '713', ${day}, n::text, 'Partner ' || n % 4, false, n % 3, n % 4, 0, 0, n % 2, 0, 0, 0 from :rows`,
  `insert into ops.slices (_client_id, source, slice, day, timezone, is_final)
   select distinct '713', 'everflow.conversions', (${day})::text, ${day}, 'America/New_York', true from :rows on conflict do nothing`,
  `insert into findings.finding_rows (_client_id, finding_id, position, date, item, said_by, amount, currency, at_stake)
   select '713', f.finding_id, n, ${today}, 'o' || n, 'Everflow', n, 'USD', case when n % 3 > 0 then n % 4 end from :rows cross join findings.findings f`,
];

/** Whose the lists below an id are. */
const owners = {
  "/api/v1/rtb/campaigns/{id}/members": "select min(campaign_id)::text as id from rtb.campaign_creatives",
  "/api/v1/ops/channels/{id}/deliveries": "select min(channel_id)::text as id from ops.channels",
};

interface Listed {
  items: Record<string, unknown>[];
  next: string | null;
}

async function get(url: string): Promise<{ status: number; body: Listed & { details?: Record<string, string> } }> {
  const answer = await api.inject({ url, headers: await bearer({ role: "admin" }) });
  return { status: answer.statusCode, body: answer.json() };
}

/** Each list that takes a sort, with the sorts that it takes. */
async function sortedLists(): Promise<[path: string, sorts: string[]][]> {
  const { paths } = (await api.inject("/openapi.json")).json<{
    paths: Record<string, { get?: { parameters?: { name: string; schema: { enum?: string[] } }[] } }>;
  }>();
  return Object.entries(paths).flatMap(([path, { get: route }]): [string, string[]][] => {
    const sorts = route?.parameters?.find(({ name }) => name === "sort")?.schema.enum;
    return sorts === undefined || otherwise.includes(path)
      ? []
      : [[path.replace("{id}", ids[path] ?? claimant), sorts]];
  });
}

const valueOf = (item: unknown, name: string) =>
  name.split(".").reduce<unknown>((at, part) => (at as Record<string, unknown> | null)?.[part] ?? null, item);

const ranked = ["info", "warning", "critical"];
const comparable = (value: unknown) =>
  ranked.includes(String(value))
    ? ranked.indexOf(String(value))
    : typeof value === "string"
      ? /^-?\d+(\.\d+)?$/.test(value)
        ? Number(value)
        : value.toLowerCase()
      : (value as number);

/** What stands before another although it should not, by the field that the list is sorted by. */
function misplaced(items: readonly object[], sort: string): unknown[] {
  const values = items.map((item) => valueOf(item, sort.replace("-", "")));
  return values.slice(1).filter((value, index) => {
    const before = values[index];
    if (value === null) return false;
    if (before === null || before === undefined) return true;
    const [a, b] = [comparable(before), comparable(value)];
    return sort.startsWith("-") ? a < b : a > b;
  });
}

test("every list is in the order that is asked for, with what is missing last, and its pages join without a gap", async () => {
  const lists = await sortedLists();
  expect(lists.map(([path]) => path)).toEqual(
    expect.arrayContaining(
      ["/api/v1/ops/receipts", "/api/v1/deliveries", "/api/v1/ops/sessions", ...Object.keys(owners)].map((path) =>
        path.replace("{id}", ids[path] ?? ""),
      ),
    ),
  );
  const wrong: unknown[] = [];
  for (const [path, sorts] of lists)
    for (const sort of sorts) {
      const all = await get(`${path}?sort=${sort}&limit=500`);
      if (all.status !== 200) wrong.push([path, sort, all.body]);
      const whole = all.body.items ?? [];
      if (whole.length < rowsOfEach) wrong.push([path, "this test has no rows for it", whole.length]);
      if (misplaced(whole, sort).length > 0) wrong.push([path, sort, misplaced(whole, sort)]);
      const paged: unknown[] = [];
      for (let next: string | null = ""; next !== null;) {
        const { status, body } = await get(`${path}?sort=${sort}&limit=4&cursor=${next}`.replace(/&cursor=$/, ""));
        if (status !== 200) wrong.push([path, sort, body]);
        paged.push(...(body.items ?? []));
        next = body.next ?? null;
      }
      if (JSON.stringify(paged) !== JSON.stringify(whole)) wrong.push([path, sort, "its pages are not the list"]);
    }
  expect(wrong).toEqual([]);
});

test("days of the grid are sorted by day, or by how many feeds are not final, the newest first of equals", async () => {
  await database.pool.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, is_final, fetched_at, outcome)
     select '713', 's' || k, (date '2026-01-01' + n)::text, date '2026-01-01' + n, 'UTC', n % 3 >= k, now(), 'changed' from generate_series(0, 5) n, generate_series(1, 2) k`,
  );
  const days = async (sort: string) => {
    const { body } = await get(`/api/v1/ops/freshness/grid?from=2026-01-01&to=2026-01-06${sort}`);
    const items = body.items as { day: string; source: string; state: string | null }[];
    const listed = [...new Set(items.map(({ day: of }) => Number(of.slice(8))))];
    // The cells of a day stay together.
    expect(items.map(({ day: of }) => Number(of.slice(8)))).toEqual(
      listed.flatMap((of) => items.filter((item) => Number(item.day.slice(8)) === of).map(() => of)),
    );
    return listed;
  };
  expect(await days("")).toEqual([6, 5, 4, 3, 2, 1]);
  expect(await days("&sort=day")).toEqual([1, 2, 3, 4, 5, 6]);
  expect(await days("&sort=-open")).toEqual([4, 1, 5, 2, 6, 3]);
  expect(await days("&sort=open")).toEqual([6, 3, 5, 2, 4, 1]);
  expect((await get("/api/v1/ops/freshness/grid?from=2026-01-01&to=2026-01-06&sort=state")).status).toBe(400);
});

test("a sort that a list does not know, and a place of another sort or of none, are refused", async () => {
  const wrong: unknown[] = [];
  for (const [path, sorts] of await sortedLists()) {
    const [one = "", other = ""] = sorts;
    const unknown = await get(`${path}?sort=nothing`);
    if (unknown.status !== 400 || unknown.body.details?.["sort"] === undefined) wrong.push([path, unknown]);
    const { next } = (await get(`${path}?sort=${one}&limit=2`)).body;
    const { keys } = JSON.parse(Buffer.from(next ?? "", "base64url").toString()) as { keys: string[] };
    const made = (place: unknown) => Buffer.from(JSON.stringify(place)).toString("base64url");
    for (const [sort, cursor] of [
      [other, next],
      [one, made({ sort: one, keys: [...keys, "1"] })],
      [one, made({ sort: one, keys: keys.map(() => "\u0000") })],
      [one, made({ sort: one, keys: [keys[0], null] })],
    ]) {
      const answer = await get(`${path}?sort=${sort}&limit=2&cursor=${cursor}`);
      if (answer.status !== 400 || answer.body.details?.["cursor"] === undefined) wrong.push([path, sort, answer]);
    }
  }
  expect(wrong).toEqual([]);
});

test("more rows than anybody waits for are counted to a limit, and no part of them is told", async () => {
  const count = (most: number) =>
    countUpTo(
      database.pool,
      {
        ...{ name: "receipts", parts: { inserted: "sum(inserted)" }, columns: "inserted", from: "ops.receipts" },
        ...{ where: "_client_id = :client", values: { client: "713" } },
      },
      most,
    );
  expect(await count(rowsOfEach)).toEqual({ receipts: rowsOfEach, inserted: 9, isMore: false });
  expect(await count(rowsOfEach - 1)).toEqual({ receipts: rowsOfEach - 1, inserted: null, isMore: true });
});

test("a list is sorted by what its orders have, and by nothing else", () => {
  const orders = { by: { a: [{ sql: "t.a", type: "text" as const }] }, then: [], usual: "a" as const };
  expect(keysOf(orders, "-a")).toEqual([{ sql: "t.a", type: "text", isUp: false }]);
  expect(() => keysOf(orders, "b")).toThrow("no list is sorted by b");
});
