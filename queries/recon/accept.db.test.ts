import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import { createCampaign, judge, submission, taken, type Given, keeping } from "../../test/reconciliation.ts";
import { deleteExpiredEvidence, openEvidence, sealMovedEvidence } from "./evidence.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { mostEvidenceBytes } from "../../rules/recon/submission.ts";
import { accept } from "./accept.ts";

let database: TestDatabase;
let campaignId: string;
let affiliateIds: string[];
beforeAll(async () => {
  database = await testDatabase();
  ({ campaignId, affiliateIds } = await createCampaign(database.pool, ["one", "two", "three", "four", "five", "six"]));
});
afterAll(() => database.drop());

const rows = async <Row extends object>(statement: string, parameters: unknown[] = []) =>
  (await database.pool.query<Row>(statement, parameters)).rows;
const of = (index: number, more: Partial<Given> = {}): Given => ({
  campaignId,
  affiliateId: affiliateIds[index] ?? "",
  ...more,
});
const reportsOf = (index: number) =>
  rows("select * from recon.affiliate_reports where affiliate_id = $1", [affiliateIds[index]]);

test("a submission is a post, a report, its state and its first step", async () => {
  const accepted = await taken(database.pool, of(0, { title: "A title", postedAt: "2026-11-01T10:00:00+02:00" }));
  expect(accepted).toMatchObject({ outcome: "accepted", state: "PENDING" });
  expect(
    await rows("select url, platform_post_id, title, posted_at from recon.posts where post_id = $1", [accepted.postId]),
  ).toEqual([
    {
      url: "https://www.reddit.com/comments/1abcde",
      platform_post_id: "1abcde",
      title: "A title",
      posted_at: new Date("2026-11-01T08:00:00Z"),
    },
  ]);
  expect(
    await rows("select state, attempt, post_id::text from recon.report_state where report_id = $1", [
      accepted.reportId,
    ]),
  ).toEqual([{ state: "PENDING", attempt: 1, post_id: accepted.postId }]);
  expect(await rows("select step from recon.report_steps where report_id = $1", [accepted.reportId])).toEqual([
    { step: "accepted" },
  ]);
  expect(
    await rows("select reports, claimed_views, verified_views from recon.post_totals where post_id = $1", [
      accepted.postId,
    ]),
  ).toEqual([{ reports: 1, claimed_views: 1_000, verified_views: null }]);
});

test("the same submission from 50 senders at once is one report, and each is told of it", async () => {
  const given = of(1, { idempotencyKey: "k-1" });
  const answers = await Promise.all(Array.from({ length: 50 }, () => taken(database.pool, given)));
  expect(new Set(answers.map(({ reportId }) => reportId)).size).toBe(1);
  expect(answers.filter(({ outcome }) => outcome === "accepted")).toHaveLength(1);
  expect(await reportsOf(1)).toHaveLength(1);
});

test("50 claims of one post at once are 50 reports of one post, and the totals have counted them all", async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      taken(database.pool, of(2, { claimed: { views: index, clicks: 0, conversions: 0 } })),
    ),
  );
  expect(new Set(answers.map(({ reportId }) => reportId)).size).toBe(50);
  expect(new Set(answers.map(({ postId }) => postId)).size).toBe(1);
  const last = answers.map(({ reportId }) => Number(reportId)).sort((one, other) => other - one)[0];
  expect(
    await rows(
      "select t.reports, t.latest_report_id, t.claimed_views = r.claimed_views as latest from recon.post_totals t join recon.affiliate_reports r on r.report_id = t.latest_report_id where t.post_id = $1",
      [answers[0]?.postId],
    ),
  ).toEqual([{ reports: 50, latest_report_id: last, latest: true }]);
});

describe("the same again", () => {
  test("without a key, the same content is the same report, in whatever order its fields came", async () => {
    const url = "https://old.reddit.com/r/test/comments/2bcdef/?utm_source=share";
    const first = await taken(database.pool, of(3, { url, evidence: { a: 1, b: [2, { c: 3, d: 4 }] } }));
    const again = await taken(
      database.pool,
      of(3, { url: "https://redd.it/2bcdef", evidence: { b: [2, { d: 4, c: 3 }], a: 1 } }),
    );
    expect(again).toEqual({ ...first, outcome: "repeated" });
  });

  test("with a key, another content is a conflict", async () => {
    const given = of(3, { idempotencyKey: "k-2", url: "https://redd.it/3cdefg" });
    const first = await taken(database.pool, given);
    expect(
      await accept(database.pool, submission({ ...given, claimed: { views: 1_001, clicks: 100, conversions: 10 } })),
    ).toMatchObject({ outcome: "refused", code: "conflict", field: "idempotencyKey" });
    expect(await taken(database.pool, given)).toEqual({ ...first, outcome: "repeated" });
  });

  test("one affiliate's key is not another's", async () => {
    const given = { idempotencyKey: "k-3", url: "https://redd.it/4defgh" };
    const [one, other] = [await taken(database.pool, of(3, given)), await taken(database.pool, of(4, given))];
    expect(other.outcome).toBe("accepted");
    expect(other.reportId).not.toBe(one.reportId);
    expect(other.postId).not.toBe(one.postId);
  });

  test("what was taken stays taken when its campaign is over, and nothing new is", async () => {
    const given = of(4, { idempotencyKey: "k-4", url: "https://redd.it/5efghi" });
    const first = await taken(database.pool, given);
    await rows("update recon.campaigns set status = 'ended' where campaign_id = $1", [campaignId]);
    expect(await taken(database.pool, given)).toEqual({ ...first, outcome: "repeated" });
    expect(await accept(database.pool, submission({ ...given, idempotencyKey: "k-5" }))).toMatchObject({
      outcome: "refused",
      code: "conflict",
      field: "campaignId",
    });
    await rows("update recon.campaigns set status = 'active' where campaign_id = $1", [campaignId]);
  });
});

test("a campaign takes claims within its dates only, and says which they are", async () => {
  const between = (from: string, to: string) =>
    rows(
      `update recon.campaigns set starts_on = current_date + $2::interval, ends_on = current_date + $3::interval where campaign_id = $1`,
      [campaignId, from, to],
    );
  const claim = (url: string, postedAt: string | null = null) =>
    accept(database.pool, submission(of(4, { url, postedAt })));
  const refused = { outcome: "refused", code: "conflict", message: expect.stringContaining("the campaign runs from") };
  await between("-60 days", "-40 days");
  expect(await claim("https://redd.it/6fghij")).toMatchObject({ ...refused, field: "campaignId" });
  await between("3 days", "9 days");
  expect(await claim("https://redd.it/6fghij")).toMatchObject({ ...refused, field: "campaignId" });
  await between("-60 days", "-3 days");
  expect(await claim("https://redd.it/6fghij")).toMatchObject({ outcome: "accepted" });
  const now = new Date().toISOString();
  expect(await claim("https://redd.it/7ghijk", now)).toMatchObject({ ...refused, field: "postedAt" });
  await rows("update recon.campaigns set starts_on = null, ends_on = null where campaign_id = $1", [campaignId]);
});

describe("refused, with the field to mend, and nothing written:", () => {
  const deep = JSON.parse("[".repeat(2_000) + "]".repeat(2_000)) as unknown;
  test.each<[string, Partial<Given>, string, string]>([
    ["a campaign that is not there", { campaignId: "999999" }, "not_found", "campaignId"],
    ["a campaign id that is none", { campaignId: "1; drop table recon.posts" }, "not_found", "campaignId"],
    ["an id beyond any", { campaignId: "99999999999999999999" }, "not_found", "campaignId"],
    ["an affiliate that is not there", { affiliateId: "999999" }, "not_found", "affiliateId"],
    ["another client's campaign", { client: "other" }, "not_found", "affiliateId"],
    ["a platform nobody knows", { platform: "tiktok" }, "validation_error", "platform"],
    ["another platform's address", { platform: "instagram" }, "validation_error", "url"],
    ["an address inside", { url: "http://169.254.169.254/comments/1abcde" }, "validation_error", "url"],
    ["a negative claim", { claimed: { views: -1, clicks: 0, conversions: 0 } }, "validation_error", "claimed.views"],
    ["half a click", { claimed: { views: 1, clicks: 0.5, conversions: 0 } }, "validation_error", "claimed.clicks"],
    [
      "a claim no number holds",
      { claimed: { views: 2 ** 53, clicks: 0, conversions: 0 } },
      "validation_error",
      "claimed.views",
    ],
    ["too much evidence", { evidence: "x".repeat(mostEvidenceBytes) }, "validation_error", "evidence"],
    ["evidence without a bottom", { evidence: deep }, "validation_error", "evidence"],
    ["a NUL in it", { evidence: { note: "a\0b" } }, "validation_error", "evidence"],
    ["half a character in it", { evidence: { "\ud800": 1 } }, "validation_error", "evidence"],
    ["a NUL in the title", { title: "\0" }, "validation_error", "title"],
    ["a time that is none", { postedAt: "yesterday" }, "validation_error", "postedAt"],
    ["a day that there is not", { postedAt: "2026-02-30T10:00:00Z" }, "validation_error", "postedAt"],
    ["a time to come", { postedAt: "2099-01-01T10:00:00Z" }, "validation_error", "postedAt"],
    ["a key without end", { idempotencyKey: "k".repeat(201) }, "validation_error", "idempotencyKey"],
  ])("%s", async (_what, more, code, field) => {
    const url = "https://redd.it/6fghij";
    const before = await rows("select count(*) from recon.posts");
    expect(await accept(database.pool, submission(of(5, { url, ...more })))).toMatchObject({
      outcome: "refused",
      code,
      field,
    });
    expect(await rows("select count(*) from recon.posts")).toEqual(before);
  });

  test("a platform that the campaign does not run on, and a disabled affiliate", async () => {
    await rows("delete from recon.campaign_platforms where campaign_id = $1 and platform = 'meta'", [campaignId]);
    const url = "https://www.facebook.com/1234567890123";
    expect(await accept(database.pool, submission(of(5, { platform: "meta", url })))).toMatchObject({
      code: "validation_error",
      field: "platform",
    });
    await rows("update recon.affiliates set is_active = false where affiliate_id = $1", [affiliateIds[5]]);
    expect(await accept(database.pool, submission(of(5)))).toMatchObject({ code: "conflict", field: "affiliateId" });
    expect(await reportsOf(5)).toEqual([]);
  });
});

test("SQL in what is submitted is text", async () => {
  const note = "'); drop table recon.affiliate_reports; --";
  const { reportId } = await taken(database.pool, of(4, { evidence: { note }, title: note }));
  const { credentialsKey } = keeping;
  expect(await openEvidence(database.pool, { client: "713", reportId }, credentialsKey)).toMatchObject({
    isOpen: true,
    evidence: { note },
  });
  expect(await rows("select evidence_data from recon.affiliate_reports where report_id = $1", [reportId])).toEqual([
    { evidence_data: null },
  ]);
});

describe("evidence", () => {
  const note = "ask jane@mail.example";
  const kept = (reportId: string) =>
    rows("select sealed is not null as sealed, unsealed from recon.report_evidence where report_id = $1", [reportId]);

  test("is sealed for its report and key alone, and deleted when its days are over", async () => {
    const { reportId } = await taken(database.pool, of(4, { evidence: { note }, url: "https://redd.it/7evid1" }));
    expect(await kept(reportId)).toEqual([{ sealed: true, unsealed: null }]);
    const report = { client: "713", reportId };
    expect(await openEvidence(database.pool, report, keyRing(Buffer.alloc(32, 8)))).toMatchObject({ isOpen: false });
    expect(await openEvidence(database.pool, report, null)).toMatchObject({ isOpen: false });
    await rows("update recon.report_evidence set kept_until = now() - interval '1 second' where report_id = $1", [
      reportId,
    ]);
    expect(await openEvidence(database.pool, report, keeping.credentialsKey)).toBeNull();
    expect(await deleteExpiredEvidence(database.pool)).toBe(1);
    expect(await kept(reportId)).toEqual([]);
  });

  test("without a key to seal it with is refused, and the claim with it", async () => {
    const given = submission(of(4, { evidence: { note }, url: "https://redd.it/7evid2" }));
    expect(await accept(database.pool, given)).toMatchObject({ outcome: "refused", field: "evidence" });
    expect(await accept(database.pool, { ...given, evidence: null })).toMatchObject({ outcome: "accepted" });
  });

  test("that a migration moved is sealed by the next sweep, once", async () => {
    const { reportId } = await taken(database.pool, of(4, { evidence: null, url: "https://redd.it/7evid3" }));
    await rows(
      "insert into recon.report_evidence (_client_id, report_id, unsealed, kept_until) values ('713', $1, $2, now() + interval '1 day')",
      [reportId, JSON.stringify({ note })],
    );
    const sealing = { key: keeping.credentialsKey, limit: 10 };
    expect([await sealMovedEvidence(database.pool, sealing), await sealMovedEvidence(database.pool, sealing)]).toEqual([
      1, 0,
    ]);
    expect(await kept(reportId)).toEqual([{ sealed: true, unsealed: null }]);
    expect(await openEvidence(database.pool, { client: "713", reportId }, keeping.credentialsKey)).toMatchObject({
      evidence: { note },
    });
  });
});

describe("as the application's own role, which owns the tables,", () => {
  // What a platform said and what came of it is refused row by row: the sandbox's may go.
  beforeAll(async () => {
    const report = await taken(database.pool, of(4, { claimed: { views: 5, clicks: 4, conversions: 3 } }));
    await judge(database.pool, { ...report, affiliateId: affiliateIds[4] ?? "" });
  });
  test.each(["affiliate_reports", "platform_reports", "reconciliation_logs", "report_steps"])(
    "%s only grows",
    async (table) => {
      const { pool } = database;
      const [role] = await rows<{ is_super: boolean; owns: boolean }>(
        `select rolsuper as is_super, pg_has_role(current_user, c.relowner, 'member') as owns
           from pg_roles, pg_class c where rolname = current_user and c.oid = $1::regclass`,
        [`recon.${table}`],
      );
      expect(role).toEqual({ is_super: false, owns: true });
      for (const statement of [
        `update recon.${table} set _client_id = _client_id`,
        `update recon.${table} set _client_id = 'x' where false`,
        `delete from recon.${table}`,
        `truncate recon.${table} cascade`,
        `merge into recon.${table} t using (select 1) s on true when matched then delete`,
      ])
        await expect(pool.query(statement)).rejects.toMatchObject({
          code: "23001",
          message: expect.stringContaining("only ever grows") as unknown,
        });
    },
  );

  test("nothing that a report stands on can be taken from under it", async () => {
    await expect(database.pool.query("delete from recon.posts")).rejects.toMatchObject({ code: "23503" });
    await expect(database.pool.query("delete from recon.affiliates")).rejects.toMatchObject({ code: "23503" });
  });
});

test.each([
  [
    "a negative claim",
    "insert into recon.affiliate_reports (_client_id, post_id, affiliate_id, claimed_views, claimed_clicks, claimed_conversions, submission_method, submission_key, content_hash) select _client_id, post_id, affiliate_id, -1, 0, 0, 'API', 'x', 'x' from recon.posts limit 1",
  ],
  ["trust above one", "update recon.affiliates set trust_score = 1.01"],
  ["trust below zero", "update recon.affiliates set trust_score = -0.01"],
  [
    "a negative number of the platform's",
    "insert into recon.platform_reports (_client_id, post_id, platform, views) select _client_id, post_id, platform, -1 from recon.posts limit 1",
  ],
])("the database refuses %s", async (_what, statement) => {
  await expect(database.pool.query(statement)).rejects.toMatchObject({ code: "23514" });
});
