import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { createSeal } from "../../core/seal.ts";
import type { Origin } from "../../core/origin.ts";
import { sumMoney } from "../../core/money.ts";
import { inTransaction } from "../../schema/database.ts";
import { dailySpend } from "../../schema/redtrack.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { createCampaign, high, judge, taken, client as reconClient } from "../../test/reconciliation.ts";
import { readWebhookBody } from "../../rules/conversions/webhook-body.ts";
import { receiveEvents } from "../conversions/anytrack-events.ts";
import { readAffiliate, readDailyReport, readTopAffiliates } from "../conversions/anytrack-reports.ts";
import { raiseAlert } from "../ops/alerts.ts";
import { loadCreatives } from "../rtb/load.ts";
import { mergeSlice } from "../sync/merge.ts";
import { takeFetchNumber } from "../sync/receipts.ts";
import { openRun } from "../sync/runs.ts";
import { compareBooks } from "../sync/stored.ts";
import type { MergeTarget } from "../sync/shapes.ts";
import { countFeed, purgeFeed } from "./purge.ts";
import { countOthers, otherPurges } from "./purge-others.ts";

jest.setTimeout(60_000);

const source = "redtrack.daily_spend";
const days = ["2025-12-14", "2025-12-15", "2025-12-16", "2025-12-17", "2025-12-18"];
const by = { actor: "cli:a test", role: null };
const step = { atATime: 2, by };
let database: TestDatabase;
let client: string;
let clients = 0;

beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());
beforeEach(() => {
  clients += 1;
  client = `client-${clients}`;
});

const feed = (over: Partial<MergeTarget> = {}): MergeTarget => ({
  client,
  source,
  day: "",
  timezone: "America/New_York",
  table: dailySpend,
  answers: "complete",
  keyedBy: "aggregate",
  amount: { column: "cost" },
  ...over,
});

async function pull(day: string, origin: Origin, over: Partial<MergeTarget> = {}): Promise<void> {
  const costs = ["1.25", "2.50"];
  const rows = costs.map((cost, place) => ({ date: day, sourceId: `s${place}`, clicks: 1, conversions: 0, cost }));
  const quarantined = [{ reason: "no id", amount: "0.75", content: { id: null } }];
  const taken = await takeFetchNumber(database.pool);
  await inTransaction(database.pool, (session) =>
    mergeSlice(
      session,
      feed({ ...over, day }),
      {
        rows,
        quarantined,
        pages: 1,
        total: sumMoney(costs),
        quarantinedTotal: "0.75",
        vendorTotal: null,
        contentHash: day,
      },
      {
        ...taken,
        origin,
        isFinal: true,
        runId: `run of ${over.client ?? client}`,
        workflowId: "w",
        workflowRunId: "r",
        attempt: 1,
        acceptEmpty: false,
        mostWithdrawnPercent: 100,
        seal: createSeal([Buffer.alloc(32, 7)], "quarantine"),
      },
    ),
  );
}

async function rowsOf(of = client): Promise<Record<string, number>> {
  const { rows } = await database.pool.query<{ name: string; rows: number }>(
    `select 'rows' as name, count(*)::int as rows from redtrack.daily_spend where _client_id = $1
      union all select 'slices', count(*)::int from ops.slices where _client_id = $1
      union all select 'receipts', count(*)::int from ops.receipts where _client_id = $1
      union all select 'restatements', count(*)::int from ops.restatements where _client_id = $1
      union all select 'quarantine', count(*)::int from ops.quarantine where _client_id = $1
      union all select 'runs', count(*)::int from ops.runs where _client_id = $1
      union all select 'coverage', count(*)::int from ops.coverage where _client_id = $1`,
    [of],
  );
  return Object.fromEntries(rows.map(({ name, rows: found }) => [name, found]));
}

async function filled(origin: Origin, of = client): Promise<void> {
  const run = { runId: `run of ${of}`, client: of, source };
  await openRun(database.pool, {
    ...run,
    kind: "sync",
    workflowId: "w",
    scheduledFor: null,
    from: days[0] ?? "",
    to: days.at(-1) ?? "",
    slices: days.length,
  });
  for (const day of days) await pull(day, origin, { client: of });
  await database.pool.query("update ops.runs set outcome = 'completed' where run_id = $1", [run.runId]);
  await database.pool.query("insert into ops.coverage (_client_id, source, covered_from) values ($1, $2, $3)", [
    of,
    source,
    days[0],
  ]);
}

const all = { rows: 10, slices: 5, receipts: 5, restatements: 10, quarantine: 5, runs: 1, coverage: 1 };
const nothing = { rows: 0, slices: 0, receipts: 0, restatements: 0, quarantine: 0, runs: 0, coverage: 0 };
const differences = async () => (await compareBooks(database.pool, feed(), { client })).differences;

describe("slices", () => {
  test("all that hangs on the sandbox's goes: counted before, and then deleted; a real pull may follow", async () => {
    const other = `${client}-real`;
    await filled("sandbox");
    await filled("real", other);
    await raiseAlert(database.pool, {
      client,
      area: "sync",
      kind: "origin_mixed",
      subject: source,
      severity: "critical",
      message: "x",
    });
    await expect(pull("2025-12-19", "real")).rejects.toThrow(/npm run purge -- --sandbox/);
    const shown = await countFeed(database.pool, feed(), ["sandbox"]);
    expect(shown.map(({ table, rows, sum }) => [table, rows, sum])).toEqual([
      ["redtrack.daily_spend", 10, "18.750000"],
      ["ops.restatements", 10, null],
      ["ops.receipts", 5, null],
      ["ops.quarantine", 5, null],
      ["ops.slices", 5, null],
    ]);
    expect(await rowsOf()).toEqual(all);
    const deleted = await purgeFeed(database.pool, feed(), ["sandbox"], step);
    expect(deleted.filter(({ table }) => table === "redtrack.daily_spend").map(({ rows }) => rows)).toEqual([4, 4, 2]);
    expect(await rowsOf()).toEqual(nothing);
    expect(await rowsOf(other)).toEqual(all);
    expect(await differences()).toEqual([]);
    const { rows: log } = await database.pool.query<{ actor: string; deleted: number }>(
      "select actor, (details -> 'deleted' ->> 'redtrack.daily_spend')::int as deleted from ops.audit where _client_id = $1 and action = 'sandbox_purged' order by audit_id",
      [client],
    );
    expect(log).toEqual([4, 4, 2].map((count) => ({ actor: by.actor, deleted: count })));
    const { rows: open } = await database.pool.query(
      "select from ops.alerts where _client_id = $1 and resolved_at is null",
      [client],
    );
    expect(open).toEqual([]);
    await pull("2025-12-19", "real");
  });

  test("real days are not counted, and not deleted", async () => {
    await filled("real");
    expect(await countFeed(database.pool, feed(), ["sandbox"])).toEqual([]);
    expect(await purgeFeed(database.pool, feed(), ["sandbox", "unknown"], step)).toEqual([]);
    expect(await rowsOf()).toEqual(all);
  });

  test("days of unknown origin go when a person says so, and not before", async () => {
    await filled("sandbox");
    await database.pool.query("update ops.slices set origin = 'unknown' where _client_id = $1 and day > '2025-12-15'", [
      client,
    ]);
    await purgeFeed(database.pool, feed(), ["sandbox"], step);
    expect(await rowsOf()).toMatchObject({ rows: 6, slices: 3, receipts: 3, runs: 1, coverage: 1 });
    await purgeFeed(database.pool, feed(), ["sandbox", "unknown"], step);
    expect(await rowsOf()).toEqual(nothing);
  });

  test("killed between two steps, what is left adds up, and the next purge deletes the rest", async () => {
    await filled("sandbox");
    const kill = () => {
      throw new Error("killed");
    };
    await expect(purgeFeed(database.pool, feed(), ["sandbox"], { ...step, onStep: kill })).rejects.toThrow("killed");
    expect(await rowsOf()).toEqual({ ...all, rows: 6, slices: 3, receipts: 3, restatements: 6, quarantine: 3 });
    expect(await differences()).toEqual([]);
    // Pulled by the sandbox meanwhile, as a worker would that was not told.
    await pull("2025-12-14", "sandbox");
    await purgeFeed(database.pool, feed(), ["sandbox"], step);
    expect(await rowsOf()).toEqual(nothing);
    expect(await purgeFeed(database.pool, feed(), ["sandbox"], step)).toEqual([]);
  });

  test("a step that fails halfway deletes nothing", async () => {
    await filled("sandbox");
    await database.pool.query(
      "create function public.refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$; create trigger refuse before delete on ops.slices for each row execute function public.refuse()",
    );
    await expect(purgeFeed(database.pool, feed(), ["sandbox"], step)).rejects.toThrow("no");
    await database.pool.query("drop trigger refuse on ops.slices; drop function public.refuse()");
    expect(await rowsOf()).toEqual(all);
  });
});

describe("AnyTrack's webhook", () => {
  const event = (orderId: string, more: object = {}) => ({
    eventName: "Purchase",
    orderId,
    clickId: `click-${orderId}`,
    eventTime: "2025-12-18T12:00:00Z",
    revenue: "10.00",
    currency: "USD",
    ...more,
  });
  const receive = async (origin: Origin, ...events: object[]) => {
    const body = readWebhookBody(JSON.stringify(events), { now: new Date("2025-12-19T00:00:00Z"), visitorKey: "key" });
    if (body.kind === "problem") throw new Error(JSON.stringify(body.details));
    await receiveEvents(database.pool, { client, origin, ...body }, { halfLifeDays: 7 });
  };
  const conversions = async () =>
    (
      await database.pool.query<{ key: string; revenue: string; origin: string }>(
        "select conversion_key as key, round(revenue, 2)::text as revenue, origin from anytrack.conversions where _client_id = $1 order by 1",
        [client],
      )
    ).rows.map(({ key, revenue, origin }) => `${key} ${revenue} ${origin}`);

  test("a conversion that a vendor and the sandbox told of is the vendor's, in whatever order they came", async () => {
    await receive("sandbox", event("1", { revenue: "99.00" }), event("2", { revenue: "50.00" }));
    expect(await conversions()).toEqual(["order:1 99.00 sandbox", "order:2 50.00 sandbox"]);
    await receive("real", event("1"));
    await receive("sandbox", event("1", { revenue: "98.00", eventTime: "2025-12-18T13:00:00Z" }));
    expect(await conversions()).toEqual(["order:1 10.00 real", "order:2 50.00 sandbox"]);
  });

  test("what the sandbox made up stands on rows of its own in a day's report and an affiliate's figures", async () => {
    const paths = { affiliateId: "aff", source: "google", campaignId: "k" };
    await receive("sandbox", event("1", { ...paths, revenue: "99.00" }));
    await receive("real", event("2", paths));
    await database.pool.query(
      "update anytrack.conversions set origin = 'unknown' where _client_id = $1 and conversion_key = 'order:2'",
      [client],
    );
    await receive("real", event("3", paths));
    const report = await readDailyReport(database.pool, { client, date: "2025-12-18" });
    for (const part of [report.totals, report.bySource, report.byCampaign])
      expect(part.map(({ origin, conversions: count, revenue }) => `${origin} ${count} ${revenue}`).sort()).toEqual([
        "sandbox 1 99.00",
        "unknown 2 20.00",
      ]);
    const range = { client, from: "2025-12-18", to: "2025-12-18" };
    expect(await readAffiliate(database.pool, { ...range, affiliate: "aff" })).toMatchObject({
      origin: "unknown",
      conversions: 2,
    });
    const top = await readTopAffiliates(database.pool, { ...range, metric: "revenue", currency: "USD", limit: 5 });
    expect(top.map(({ origin, revenue }) => [origin, revenue[0]?.amount])).toEqual([
      ["sandbox", "99.00"],
      ["unknown", "20.00"],
    ]);
    const { rows } = await database.pool.query(
      "select origin, sum(conversions)::int as conversions from anytrack.attribution_by_source where _client_id = $1 and model = 'linear' group by 1 order by 1",
      [client],
    );
    expect(rows).toEqual([
      { origin: "sandbox", conversions: 1 },
      { origin: "unknown", conversions: 2 },
    ]);
  });

  test("what only the sandbox told goes, journey and all; what is real stays as it is", async () => {
    await receive("sandbox", event("1", { revenue: "99.00" }), event("2"), event("3"));
    await receive("sandbox", { eventName: "OutboundClick", clickId: "made-up", eventTime: "2025-12-18T11:00:00Z" });
    await receive("real", event("1"), event("4"));
    const before = await conversions();
    expect((await countOthers(database.pool, client)).map(({ table, rows }) => `${table} ${rows}`).sort()).toEqual([
      "anytrack.clicks 1",
      "anytrack.webhook_events 3",
    ]);
    await otherPurges["anytrack.webhook"](database.pool, client, step);
    expect(await conversions()).toEqual(before.filter((line) => line.endsWith("real")));
    for (const table of ["touchpoints", "attribution"]) {
      const { rows } = await database.pool.query<{ key: string }>(
        `select distinct conversion_key as key from anytrack.${table} where _client_id = $1 order by 1`,
        [client],
      );
      expect(rows.map(({ key }) => key)).toEqual(["order:1", "order:4"]);
    }
    expect(await countOthers(database.pool, client)).toEqual([]);
  });
});

describe("verdicts", () => {
  test("a mock platform's go, and the claim waits for another; trust forgets them. A real one stays", async () => {
    const { campaignId, affiliateIds } = await createCampaign(database.pool, ["Northwind", "Umbra"]);
    const [one = "", other = ""] = affiliateIds;
    const url = (id: string) => `https://www.reddit.com/r/test/comments/${id}/a_title/`;
    const mocked = await taken(database.pool, { campaignId, affiliateId: one, url: url("1aaaaa") });
    const real = await taken(database.pool, { campaignId, affiliateId: other, url: url("1bbbbb") });
    await judge(database.pool, { ...mocked, affiliateId: one }, { ...high, origin: "sandbox" });
    await judge(database.pool, { ...real, affiliateId: other }, high);
    const trust = async () =>
      (
        await database.pool.query<{ line: string }>(
          "select trust_score || ' of ' || total_submissions as line from recon.affiliates where affiliate_id = any($1) order by affiliate_id",
          [affiliateIds],
        )
      ).rows.map(({ line }) => line);
    expect(await trust()).toEqual(["0.00 of 1", "0.00 of 1"]);
    await otherPurges.reconciliation(database.pool, reconClient, step);
    expect(await trust()).toEqual(["1.00 of 0", "0.00 of 1"]);
    const { rows } = await database.pool.query(
      "select report_id::text as id, state, verdict, log_id is null as open from recon.report_state where report_id = any($1) order by report_id",
      [[mocked.reportId, real.reportId]],
    );
    expect(rows).toEqual([
      { id: mocked.reportId, state: "PENDING", verdict: null, open: true },
      { id: real.reportId, state: "RECONCILED", verdict: "DISCREPANCY", open: false },
    ]);
    // And it can be judged again, under the same attempt.
    await judge(database.pool, { ...mocked, affiliateId: one });
    expect(await trust()).toEqual(["1.00 of 1", "0.00 of 1"]);
  });

  test.each(["recon.reconciliation_logs", "recon.platform_reports"])(
    "nobody deletes a real row of %s, nor calls it the sandbox's",
    async (table) => {
      const { campaignId, affiliateIds } = await createCampaign(database.pool, ["Real"]);
      const [affiliateId = ""] = affiliateIds;
      const report = await taken(database.pool, { campaignId, affiliateId });
      await judge(database.pool, { ...report, affiliateId });
      await expect(database.pool.query(`delete from ${table}`)).rejects.toThrow("only ever grows");
      await expect(database.pool.query(`update ${table} set origin = 'sandbox'`)).rejects.toThrow("only ever grows");
      await expect(database.pool.query(`truncate ${table} cascade`)).rejects.toThrow("only ever grows");
    },
  );
});

describe("claims", () => {
  const reddit = (id: string) => `https://www.reddit.com/r/test/comments/${id}/a_title/`;
  const rows = async () => {
    const tables = [
      "campaigns",
      "campaign_platforms",
      "affiliates",
      "posts",
      "affiliate_reports",
      "report_state",
      "report_steps",
      "report_evidence",
      "post_totals",
      "reconciliation_logs",
      "platform_reports",
      "disputes",
    ];
    const { rows: found } = await database.pool.query<{ name: string; rows: number }>(
      tables.map((name) => `select '${name}' as name, count(*)::int as rows from recon.${name}`).join(" union all "),
    );
    return Object.fromEntries(found.map(({ name, rows: count }) => [name, count]));
  };
  const shown = async () =>
    Object.fromEntries((await countOthers(database.pool, reconClient)).map(({ table, rows: count }) => [table, count]));

  test("of made-up affiliates go with them, whatever campaign they were for; real claims stay, and so does what they need", async () => {
    const real = await createCampaign(database.pool, ["Northwind"]);
    const [northwind = ""] = real.affiliateIds;
    const evidence = { note: "a screenshot" };
    const its = await taken(database.pool, {
      campaignId: real.campaignId,
      affiliateId: northwind,
      url: reddit("1real1"),
      evidence,
    });
    await judge(database.pool, { ...its, affiliateId: northwind }, high);
    const before = await rows();

    const demo = await createCampaign(database.pool, ["Demo one", "Demo two"], reconClient, "sandbox");
    const [one = "", two = ""] = demo.affiliateIds;
    const judged = await taken(database.pool, {
      campaignId: demo.campaignId,
      affiliateId: one,
      url: reddit("1demo1"),
      evidence,
    });
    await judge(database.pool, { ...judged, affiliateId: one }, { ...high, origin: "sandbox" });
    await taken(database.pool, { campaignId: demo.campaignId, affiliateId: one, url: reddit("1demo2") });
    await taken(database.pool, { campaignId: real.campaignId, affiliateId: two, url: reddit("1demo3") });
    await taken(database.pool, {
      campaignId: real.campaignId,
      affiliateId: two,
      url: reddit("1demo3"),
      idempotencyKey: "again",
    });
    await raiseAlert(database.pool, {
      client: reconClient,
      area: "recon",
      kind: "disputed",
      subject: `report/${judged.reportId}`,
      severity: "warning",
      message: "x",
    });
    const wanted = {
      "recon.reconciliation_logs": 1,
      "recon.platform_reports": 1,
      "recon.affiliate_reports": 4,
      "recon.posts": 3,
      "recon.affiliates": 2,
      "recon.campaigns": 1,
    };
    expect(await shown()).toEqual(wanted);
    const deleted: Record<string, number> = {};
    for (const { table, rows: count } of await otherPurges.reconciliation(database.pool, reconClient, step))
      deleted[table] = (deleted[table] ?? 0) + count;
    expect(deleted).toEqual(wanted);
    expect(await rows()).toEqual(before);
    expect(await shown()).toEqual({});
    const { rows: open } = await database.pool.query(
      "select from ops.alerts where _client_id = $1 and subject = $2 and resolved_at is null",
      [reconClient, `report/${judged.reportId}`],
    );
    expect(open).toEqual([]);
  });

  test("that a real platform has judged stay, with their affiliate and campaign, and so does a campaign with a real claim", async () => {
    const demo = await createCampaign(database.pool, ["Demo three"], reconClient, "sandbox");
    const other = await createCampaign(database.pool, ["Demo four"], reconClient, "sandbox");
    const real = await createCampaign(database.pool, ["Real two"]);
    const [three = ""] = demo.affiliateIds;
    const [person = ""] = real.affiliateIds;
    const judged = await taken(database.pool, {
      campaignId: demo.campaignId,
      affiliateId: three,
      url: reddit("1keep1"),
    });
    await judge(database.pool, { ...judged, affiliateId: three });
    await taken(database.pool, { campaignId: other.campaignId, affiliateId: person, url: reddit("1keep2") });
    expect(await shown()).toEqual({ "recon.affiliates": 1 });
    await otherPurges.reconciliation(database.pool, reconClient, step);
    expect(await shown()).toEqual({});
    const { rows: left } = await database.pool.query<{ id: string }>(
      "select campaign_id::text as id from recon.campaigns where campaign_id = any($1) order by 1",
      [[demo.campaignId, other.campaignId]],
    );
    expect(left).toHaveLength(2);
  });

  test.each(["recon.affiliate_reports", "recon.report_steps"])(
    "nobody deletes a real row of %s, nor changes whose it is",
    async (table) => {
      const { campaignId, affiliateIds } = await createCampaign(database.pool, ["Real three"]);
      await taken(database.pool, { campaignId, affiliateId: affiliateIds[0] ?? "" });
      await expect(database.pool.query(`delete from ${table}`)).rejects.toThrow("only ever grows");
      await expect(database.pool.query(`update ${table} set _client_id = _client_id`)).rejects.toThrow(
        "only ever grows",
      );
      await expect(database.pool.query(`truncate ${table} cascade`)).rejects.toThrow("only ever grows");
    },
  );
});

describe("creatives", () => {
  const load = (origin: Origin, ids: string[], campaignName: string) =>
    loadCreatives(database.pool, {
      client,
      origin,
      seats: [{ buyerId: `seat ${campaignName}` }],
      creatives: ids.map((creativeId) => ({ creativeId, buyerId: `seat ${campaignName}`, format: origin })),
      campaigns: [{ campaignName, creativeIds: ids }],
    });
  const names = async () =>
    (
      await database.pool.query<{ name: string }>(
        `select creative_id || ' ' || origin || ' ' || format as name from rtb.creatives where _client_id = $1
          union all select campaign_name || ' ' || origin from rtb.campaigns where _client_id = $1
          union all select buyer_id || ' ' || origin from rtb.buyer_seats where _client_id = $1 order by 1`,
        [client],
      )
    ).rows.map(({ name }) => name);

  test("of the demo and the example go with their seats and campaigns; real ones stay", async () => {
    await load("real", ["1"], "Travel");
    const before = await names();
    await load("sandbox", ["7", "8"], "Demo");
    expect((await countOthers(database.pool, client)).map(({ table, rows }) => `${table} ${rows}`).sort()).toEqual([
      "rtb.buyer_seats 1",
      "rtb.campaigns 1",
      "rtb.creatives 2",
    ]);
    await otherPurges.creatives(database.pool, client, step);
    expect(await names()).toEqual(before);
    expect(await countOthers(database.pool, client)).toEqual([]);
  });

  test("made-up data never replace real ones, and what a person loads is real from then on", async () => {
    await load("real", ["1"], "Travel");
    await load("sandbox", ["1", "2"], "Travel");
    expect(await names()).toEqual(["1 real real", "2 sandbox sandbox", "Travel real", "seat Travel real"]);
    await load("real", ["2"], "Travel");
    expect(await names()).toEqual(["1 real real", "2 real real", "Travel real", "seat Travel real"]);
  });

  test("that a real file reports on stay", async () => {
    await load("sandbox", ["9"], "Demo");
    await database.pool.query("select rtb.ensure_months('{2025-12-17}')");
    const { rows } = await database.pool.query<{ id: number }>(
      `insert into ops.files (_client_id, source, name, place, path, bytes, sha256, mapping, mapping_version, options_hash, outcome, run_id, workflow_id, started_at)
       values ($1, 's', 'real.csv', 'import', 'p', 1, 'x', 'm', '1', 'o', 'ingested', 'run ' || $1, 'w', now()) returning file_id as id`,
      [client],
    );
    await database.pool.query(
      "insert into rtb.performance_metrics (_client_id, creative_id, impressions, clicks, date, _file_id, hour, geography, device_type, placement, spend) select $1, id, 1, 1, '2025-12-17', $2::int, -1, '', '', '', 1 from rtb.creatives where _client_id = $1 and creative_id = '9'",
      [client, rows[0]?.id],
    );
    await otherPurges.creatives(database.pool, client, step);
    expect(await names()).toEqual(["9 sandbox sandbox", "seat Demo sandbox"]);
  });
});

test("what was sent to a mock server is forgotten, so that a real one gets it; what is under way is left to end", async () => {
  await database.pool.query(
    `insert into ops.deliveries (_client_id, destination, conversion_key, event_id, event_name, event_time, state, origin)
     select $1, 'meta', k, k, 'Purchase', now(), state, origin
       from (values ('a', 'delivered', 'sandbox'), ('b', 'sending', 'sandbox'), ('c', 'delivered', 'real'), ('d', 'pending', 'unknown')) v(k, state, origin)`,
    [client],
  );
  await otherPurges.deliveries(database.pool, client, step);
  const { rows } = await database.pool.query<{ key: string }>(
    "select conversion_key as key from ops.deliveries where _client_id = $1 order by 1",
    [client],
  );
  expect(rows.map(({ key }) => key)).toEqual(["b", "c", "d"]);
});
