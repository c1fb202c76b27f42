import { describe, expect, test } from "@jest/globals";
import { eventually } from "../../test/eventually.ts";
import { judge, makeAffiliate } from "../../test/api-recon.ts";
import { testServer } from "../../test/api-server.ts";
import {
  prefix,
  temporal,
  database,
  api,
  ada,
  bob,
  campaignId,
  judged,
  keyed,
  submit,
  call,
  get,
  asAffiliate,
  one,
} from "../../test/api-recon-cases.ts";

describe("a submission", () => {
  test("is stored before it is answered, and its reconciliation is started", async () => {
    const answer = await submit();
    expect(answer.statusCode).toBe(202);
    const { reportId, ...rest } = answer.json<{ reportId: string }>();
    expect(rest).toEqual({
      postId: expect.stringMatching(/^\d+$/),
      state: "PENDING",
      outcome: "accepted",
      href: `${prefix}/submissions/${reportId}`,
    });
    expect(
      await one(
        "select url from recon.posts p join recon.report_state s using (_client_id, post_id) where report_id = $1",
        [reportId],
      ),
    ).toEqual({ url: "https://www.reddit.com/comments/1zzzzz" });
    expect(temporal.started.at(-1)).toEqual({
      type: "reconcileReport",
      workflowId: `reconcile/${reportId}`,
      input: { client: "713", reportId },
      takenIn: { attempt: 1, platform: "reddit", vendor: "reddit", hasInteraction: false },
    });
    // It has its workflow: no sweep need look at it for a while.
    await eventually(async () =>
      expect(
        await one("select under_way_at is not null as yes from recon.report_state where report_id = $1", [reportId]),
      ).toEqual({ yes: true }),
    );
  });

  test("sent again is the same answer; its key with another content is a conflict", async () => {
    const headers = { "idempotency-key": "k-1" };
    const url = "https://redd.it/1again";
    const [first, again] = [await submit({ url }, { headers }), await submit({ url }, { headers })];
    expect(again.statusCode).toBe(202);
    expect(again.json()).toEqual({ ...first.json<object>(), outcome: "repeated" });
    const other = await submit({ url, claimed: { views: 1, clicks: 0, conversions: 0 } }, { headers });
    expect(other.statusCode).toBe(409);
    expect(other.json()).toMatchObject({ error: "conflict" });
    // Without a key, the content is the key.
    expect((await submit({ url: "https://redd.it/1nokey" })).json()).toMatchObject({ outcome: "accepted" });
    expect((await submit({ url: "https://redd.it/1nokey" })).json()).toMatchObject({ outcome: "repeated" });
  });

  test("is taken within a second while Temporal is away", async () => {
    temporal.result = null;
    const began = performance.now();
    const answer = await submit({ url: "https://redd.it/1away1" });
    temporal.result = { value: null };
    expect(answer.statusCode).toBe(202);
    expect(performance.now() - began).toBeLessThan(1_000);
    const { reportId } = answer.json<{ reportId: string }>();
    expect(await one("select state from recon.report_state where report_id = $1", [reportId])).toEqual({
      state: "PENDING",
    });
    expect(await one("select under_way_at from recon.report_state where report_id = $1", [reportId])).toEqual({
      under_way_at: null,
    });
  });

  test.each([
    "http://127.0.0.1/r/a/comments/1abcde",
    "http://0x7f.1/comments/1abcde",
    "http://2130706433/",
    "http://[::1]/comments/1abcde",
    "http://[::ffff:127.0.0.1]/",
    "http://169.254.169.254/latest/meta-data",
    "http://localhost:3003/healthz",
    "https://reddit.com@10.0.0.1/comments/1abcde",
    "https://www.reddit.com.evil.example/comments/1abcde",
    "https://www.reddit.com:8080/comments/1abcde",
    "file:///etc/passwd",
    "gopher://www.reddit.com/comments/1abcde",
    "javascript:alert(1)",
  ])("of %s is a 400, whatever platform it claims, and nothing is stored or started", async (url) => {
    const before = [temporal.started.length, await one("select count(*) as n from recon.posts")];
    for (const platform of ["reddit", undefined]) {
      const answer = await submit({ url, platform });
      expect(answer.statusCode).toBe(400);
      expect(answer.json()).toMatchObject({ error: "validation_error", details: { url: expect.any(String) } });
    }
    expect([temporal.started.length, await one("select count(*) as n from recon.posts")]).toEqual(before);
  });

  test.each([
    ["a campaign of nobody", { campaignId: "999999" }, 404],
    ["an id that is none", { campaignId: "1; drop table recon.posts" }, 400],
    ["a negative count", { claimed: { views: -1, clicks: 0, conversions: 0 } }, 400],
    ["half a view", { claimed: { views: 1.5, clicks: 0, conversions: 0 } }, 400],
    ["text for a number", { claimed: { views: "1", clicks: 0, conversions: 0 } }, 400],
    ["a count that is none", { claimed: { views: null } }, 400],
    ["a number beyond what can be counted", { claimed: { views: 1e20, clicks: 0, conversions: 0 } }, 400],
    ["evidence of more than 64 KB", { evidence: { text: "x".repeat(65_536) } }, 400],
    ["evidence with a NUL", { evidence: { text: "\u0000" } }, 400],
    ["a title too long", { title: "x".repeat(301) }, 400],
    ["a platform that is none", { platform: "myspace" }, 400],
  ])("with %s is refused by name", async (_what, fields, status) => {
    const answer = await submit({ url: "https://redd.it/1wrong", ...fields });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual({
      error: expect.any(String),
      message: expect.any(String),
      details: expect.any(Object),
    });
  });

  test("of ten megabytes is too large, and SQL in it is text", async () => {
    expect((await submit({ evidence: "x".repeat(10_000_000) })).statusCode).toBe(413);
    const title = "'); drop table recon.affiliate_reports; --";
    const answer = await submit({ url: "https://redd.it/1sqlxx", title, evidence: { [title]: title } });
    expect(answer.statusCode).toBe(202);
    const { reportId } = answer.json<{ reportId: string }>();
    expect(await get(`/submissions/${reportId}/evidence`)).toMatchObject({ evidence: { [title]: title } });
  });

  test("is limited per key, and another key is not held up by it", async () => {
    const server = await testServer({ database: database.pool, temporal: temporal.access, submissionsPerMinute: 2 });
    const send = (key: string) => submit({ url: "https://redd.it/1limit" }, { key, server });
    // Until a key has proved good here, its calls count against its address.
    for (const { key } of [ada, bob]) await server.inject({ url: `${prefix}/affiliates/me`, headers: keyed(key) });
    expect([(await send(ada.key)).statusCode, (await send(ada.key)).statusCode]).toEqual([202, 202]);
    const third = await send(ada.key);
    expect([third.statusCode, third.headers["retry-after"]]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    expect((await send(bob.key)).statusCode).toBe(202);
    await server.close();
  });
});

describe("what an affiliate reads", () => {
  test("each verdict comes with its reason and the numbers compared", async () => {
    const report = (await asAffiliate(`/submissions/${judged.high}`)).json<Record<string, unknown>>();
    expect(report).toMatchObject({
      claimed: { views: 900, clicks: 10, conversions: 1 },
      state: "RECONCILED",
      dispute: null,
      verdict: {
        verdict: "DISCREPANCY",
        level: "HIGH",
        reason: "DISCREPANCY in a test",
        isAccurate: false,
        compared: [
          { metric: "views", claimed: 900, verified: 100, difference: 800, differencePct: 800 },
          { metric: "clicks", claimed: 10, verified: 10, difference: 0, differencePct: 0 },
          { metric: "conversions", claimed: 1, verified: null, difference: null, differencePct: null },
        ],
      },
      attempts: [{ attempt: 1, workflowId: `reconcile/${judged.high}` }],
      steps: [{ step: "accepted" }, { step: "fetched" }, { step: "verdict" }],
    });
    const waiting = (await asAffiliate(`/submissions/${judged.waiting}`)).json<Record<string, unknown>>();
    expect(waiting).toMatchObject({ state: "PENDING", verdict: null, attempts: [] });
  });

  test("performance tells trust, how it was judged, and the days", async () => {
    const path = `/affiliates/${ada.affiliateId}/performance`;
    const { verdicts, ...performance } = (await asAffiliate(path)).json<{
      verdicts: { verdict: string | null; level: string | null; reports: number; href: string }[];
    }>();
    expect(performance).toMatchObject({
      trust: 0.67,
      counted: 3,
      accurate: 2,
      accuracyPct: 66.67,
      trend: [{ judged: 4, counted: 3, accurate: 2, accuracyPct: 66.67 }],
    });
    expect(verdicts.filter(({ verdict }) => verdict !== null)).toEqual([
      {
        verdict: "DISCREPANCY",
        level: "HIGH",
        reports: 1,
        href: `${prefix}/affiliates/${ada.affiliateId}/submissions?verdict=DISCREPANCY&level=HIGH`,
      },
      { verdict: "DISCREPANCY", level: "LOW", reports: 1, href: expect.any(String) },
      { verdict: "MATCHED", level: null, reports: 1, href: expect.any(String) },
      { verdict: "UNVERIFIABLE", level: null, reports: 1, href: expect.any(String) },
    ]);
  });
});

describe("a dispute", () => {
  test("is opened once, alerts a person, and settled in favour counts as accurate", async () => {
    const cyd = await makeAffiliate(database.pool, { client: "713", name: "cyd" });
    const reportId = await judge(database.pool, {
      client: "713",
      affiliateId: cyd.affiliateId,
      campaignId,
      url: "https://redd.it/1dispu",
      claimed: [120, 0, 0],
      verified: [50, null, null],
      verdict: "DISCREPANCY",
      level: "HIGH",
    });
    const dispute = () =>
      asAffiliate(`/submissions/${reportId}/dispute`, cyd, "POST", { reason: "the platform was late" });
    const opened = await dispute();
    expect(opened.statusCode).toBe(201);
    const { disputeId } = opened.json<{ disputeId: string }>();
    expect((await dispute()).statusCode).toBe(409);
    expect((await asAffiliate(`/submissions/${judged.waiting}/dispute`, ada, "POST", { reason: "x" })).statusCode).toBe(
      409,
    );
    expect(await get(`/alerts?kind=disputed&state=open&subject=report/${reportId}`)).toMatchObject({
      items: [{ subject: `report/${reportId}` }],
    });
    expect(await get(`/submissions?disputed=true&affiliate=${cyd.affiliateId}`)).toMatchObject({
      items: [{ reportId, dispute: { disputeId, outcome: null } }],
    });

    expect(await get(`/affiliates/${cyd.affiliateId}`)).toMatchObject({ trust: 0 });
    const settle = (outcome: string) =>
      call("PUT", `/disputes/${disputeId}/settle`, { outcome, notes: "checked by hand" });
    const settled = await settle("affiliate");
    expect([settled.statusCode, settled.json()]).toEqual([
      200,
      expect.objectContaining({ outcome: "affiliate", settledBy: "ada", trust: 1 }),
    ]);
    expect((await settle("platform")).statusCode).toBe(409);
    expect(await get(`/affiliates/${cyd.affiliateId}`)).toMatchObject({ trust: 1 });
    expect(await get(`/alerts?kind=disputed&state=open&subject=report/${reportId}`)).toMatchObject({ items: [] });
    expect((await asAffiliate(`/affiliates/${cyd.affiliateId}/performance`, cyd)).json()).toMatchObject({
      accuracyPct: 100,
      trend: [{ accurate: 1 }],
    });
  });
});

describe("dashboards", () => {
  /** How many rows an address leads to, page by page; of a post that several claim, the one that counts. */
  const countRows = async (href: string): Promise<number> => {
    let rows = 0;
    for (let next: string | null = href; next !== null;) {
      const page: { items: { isCounted?: boolean }[]; next: string | null } = await get(next);
      rows += page.items.filter(({ isCounted = true }) => isCounted).length;
      next = page.next === null ? null : `${href}${href.includes("?") ? "&" : "?"}cursor=${page.next}`;
    }
    return rows;
  };

  test("a campaign's claims stand beside what was verified, per platform, level and currency, and lead to their rows", async () => {
    const path = `/dashboard/campaigns/${campaignId}`;
    const found = await get<{
      totals: { posts: number; href: string };
      platforms: { platform: string; posts: number; href: string }[];
      verdicts: { verdict: string | null; level: string | null; reports: number; href: string }[];
      spend: { currency: string; spend: string; posts: number; href: string }[];
      sandboxVerdicts: number;
    }>(path);
    expect(found.sandboxVerdicts).toBe(1);
    expect(found.platforms.find(({ platform }) => platform === "meta")).toMatchObject({
      posts: 3,
      views: { claimed: 1_094, comparable: 1_094, verified: 300, differencePct: 264.67 },
      conversions: { claimed: 3, comparable: 2, verified: 2, differencePct: 0 },
    });
    expect(found.spend.map(({ currency, spend }) => [currency, spend])).toEqual([
      ["EUR", "20.00"],
      ["USD", "15.51"],
    ]);
    for (const { posts, href } of [found.totals, ...found.platforms, ...found.spend])
      expect([href, await countRows(href)]).toEqual([href, posts]);
    expect(found.verdicts.length).toBeGreaterThan(4);
    for (const { reports, href } of found.verdicts) expect([href, await countRows(href)]).toEqual([href, reports]);
  });

  test("a verdict says whether it goes by a mock platform's numbers", async () => {
    const originOf = async (reportId: string) =>
      (await get<{ verdict: { origin: string } | null }>(`/submissions/${reportId}`)).verdict?.origin;
    expect(await Promise.all([judged.low, judged.high, judged.waiting].map(originOf))).toEqual([
      "sandbox",
      "real",
      undefined,
    ]);
  });

  test("affiliates come least trusted first, page by page, and their numbers lead to their rows", async () => {
    const all = await get<{
      items: { name: string; trust: number; reports: Record<string, number>; links: Record<string, string> }[];
    }>("/dashboard/affiliates");
    expect(all.items.map(({ trust }) => trust)).toEqual(all.items.map(({ trust }) => trust).sort());
    const paged: unknown[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page: { items: object[]; next: string | null } = await get(
        `/dashboard/affiliates?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`,
      );
      paged.push(...page.items);
      cursor = page.next;
    }
    expect(paged).toEqual(all.items);
    const found = all.items.find(({ name }) => name === "ada");
    expect(found).toMatchObject({
      trust: 0.67,
      reports: { matched: 1, low: 1, medium: 0, high: 1, unverifiable: 1, gone: 0, sandbox: 1 },
    });
    expect(await countRows(found?.links["high"] ?? "")).toBe(1);
    expect(await countRows(found?.links["submissions"] ?? "")).toBe(found?.reports["all"]);
  });

  test("what needs a person is counted, listed and followed", async () => {
    type Part = { reports: number; href: string };
    const found = await get<{
      high: Part;
      medium: Part;
      openDisputes: Part;
      waiting: Part;
      items: { reportId: string }[];
      openAlerts: { alerts: number; href: string }[];
    }>("/dashboard/discrepancies");
    for (const { reports, href } of [found.high, found.medium, found.openDisputes, found.waiting])
      expect([href, await countRows(href)]).toEqual([href, reports]);
    for (const { alerts, href } of found.openAlerts) expect([href, await countRows(href)]).toEqual([href, alerts]);
    expect(found.items.map(({ reportId }) => reportId)).toContain(judged.high);
    expect(found.items).toHaveLength(found.high.reports);
    expect(await get(`/dashboard/discrepancies?level=MEDIUM`)).toMatchObject({ items: [] });
  });
});

test("an alert of reconciliation is resolved with notes and a name; one of another area is not there", async () => {
  const { rows } = await database.pool.query<{ id: number }>(
    `insert into ops.alerts (_client_id, area, kind, subject, severity, message) values ('713', 'recon', 'high_discrepancy', 'report/x', 'critical', 'm'), ('713', 'sync', 'late', 'x', 'info', 'm') returning alert_id as id`,
  );
  const [ours, theirs] = rows.map(({ id }) => id);
  expect(await get("/alerts?state=open&severity=critical&kind=high_discrepancy&subject=report/x")).toMatchObject({
    items: [{ alertId: ours }],
  });
  const resolve = (id: number | undefined, notes = "seen") => call("PUT", `/alerts/${id}/resolve`, { notes });
  expect((await resolve(ours)).json()).toMatchObject({ resolvedBy: "ada", notes: "seen" });
  expect([
    (await resolve(ours)).statusCode,
    (await resolve(ours, "other")).statusCode,
    (await resolve(theirs)).statusCode,
  ]).toEqual([200, 409, 404]);
});

test("every route is documented, with what it takes to call it", async () => {
  const { paths } = (await api.inject("/openapi.json")).json<{
    paths: Record<string, Record<string, { security?: object[]; responses: object }>>;
  }>();
  const ours = Object.entries(paths).filter(([path]) => path.startsWith(prefix) || path === "/hooks/discord");
  expect(ours.length).toBeGreaterThanOrEqual(27);
  for (const [path, methods] of ours)
    for (const { security, responses } of Object.values(methods)) {
      expect(Object.keys(responses).length).toBeGreaterThan(1);
      if (path !== "/hooks/discord") expect(security?.length).toBeGreaterThan(0);
    }
  expect(paths[`${prefix}/affiliates/submissions`]?.["post"]?.security).toEqual([{ affiliateKey: [] }]);
});
