import { afterEach, describe, expect, test } from "@jest/globals";
import {
  temporal,
  log,
  database,
  ada,
  bob,
  campaignId,
  judged,
  submit,
  call,
  get,
  asAffiliate,
  one,
} from "../../test/api-recon-cases.ts";

describe("campaigns", () => {
  test("are created once per advertiser and name, and change their platforms", async () => {
    const body = { name: "winter", advertiserId: "adv-3", platforms: ["reddit", "instagram"], startsOn: "2026-01-01" };
    const made = await call("POST", "/campaigns", body);
    expect(made.statusCode).toBe(201);
    const { campaignId: id } = made.json<{ campaignId: string }>();
    expect(made.json()).toMatchObject({
      status: "active",
      platforms: ["instagram", "reddit"],
      startsOn: "2026-01-01",
      endsOn: null,
    });
    expect([
      (await call("POST", "/campaigns", body)).statusCode,
      (await call("POST", "/campaigns", { ...body, platforms: ["meta"] })).statusCode,
    ]).toEqual([200, 409]);
    expect((await call("POST", "/campaigns", { ...body, endsOn: "2025-12-31" })).statusCode).toBe(400);
    expect((await call("POST", "/campaigns", { ...body, platforms: [] })).statusCode).toBe(400);
    const changed = await call("PUT", `/campaigns/${id}/platforms`, { platforms: ["meta", "reddit", "reddit"] });
    expect(changed.json()).toMatchObject({ platforms: ["meta", "reddit"] });
    const refused = await submit({ campaignId: id, url: "https://www.instagram.com/p/DAbCdEfGhIj/" });
    expect([refused.statusCode, refused.json()]).toEqual([
      400,
      expect.objectContaining({ details: { platform: expect.any(String) } }),
    ]);
  });
});

describe("platforms", () => {
  test("credentials are sealed, and nobody reads them back", async () => {
    const secret = "canary-client-secret";
    const credentials = { REDDIT_CLIENT_ID: "canary-id", REDDIT_CLIENT_SECRET: secret };
    const put = await call("PUT", "/platforms/reddit/config", { mode: "real", credentials });
    expect([put.statusCode, put.json()]).toEqual([
      200,
      { platform: "reddit", mode: "real", hasCredentials: true, updatedAt: expect.any(String), updatedBy: "ada" },
    ]);
    const row = await one(
      "select encode(sealed, 'escape') as sealed from recon.platform_config where platform = 'reddit'",
    );
    expect(JSON.stringify(row)).not.toContain("canary");
    // A change of mode keeps them.
    expect((await call("PUT", "/platforms/reddit/config", { mode: "sandbox" })).json()).toMatchObject({
      mode: "sandbox",
      hasCredentials: true,
    });
    const status = await call("GET", "/platforms/reddit/status");
    expect(status.json()).toMatchObject({ mode: "sandbox", works: null, quotaLeftPct: null });
    expect(status.payload + log.join("\n")).not.toContain("canary");
    expect(
      (await call("PUT", "/platforms/reddit/config", { mode: "real", credentials: { META_ADS_ACCESS_TOKEN: "x" } }))
        .statusCode,
    ).toBe(400);
    expect((await call("PUT", "/platforms/reddit/config", { mode: null })).json()).toMatchObject({
      mode: null,
      hasCredentials: false,
    });
    expect((await call("PUT", "/platforms/myspace/config", { mode: "real" })).statusCode).toBe(400);
  });

  test("a platform's state is what activities saw last", async () => {
    await database.pool.query(
      `insert into ops.platform_health (_client_id, platform, failing_since, last_error_at, last_error_kind, last_error, quota_left_pct, quota_seen_at)
       values ('713', 'instagram', '2026-03-08T10:00:00Z', '2026-03-08T11:00:00Z', 'unauthorized', 'answered 401', 12.5, '2026-03-08T09:00:00Z')`,
    );
    expect(await get("/platforms/instagram/status")).toMatchObject({
      works: false,
      since: "2026-03-08T10:00:00.000Z",
      lastErrorKind: "unauthorized",
      quotaLeftPct: 12.5,
    });
  });

  describe("an affiliate's own token", () => {
    const put = () =>
      asAffiliate(`/affiliates/${ada.affiliateId}/tokens/reddit`, ada, "PUT", {
        credentials: { REDDIT_ACCESS_TOKEN: "canary-token" },
      });
    const remove = () => asAffiliate(`/affiliates/${ada.affiliateId}/tokens/reddit`, ada, "DELETE");
    const offered = () =>
      one("select sealed, encode(offered_sealed, 'escape') as offered, offer_id from recon.affiliate_tokens");
    afterEach(async () => {
      temporal.result = { value: null };
      await database.pool.query("delete from recon.affiliate_tokens");
    });

    test("is sealed, and tried by a workflow that is told its name alone", async () => {
      temporal.result = { value: { works: true } };
      temporal.started.length = 0;
      const answer = await put();
      expect([answer.statusCode, answer.json()]).toEqual([
        200,
        {
          affiliateId: ada.affiliateId,
          platform: "reddit",
          works: true,
          href: `/api/v1/recon/affiliates/${ada.affiliateId}/tokens`,
        },
      ]);
      expect(temporal.started).toMatchObject([{ type: "checkAffiliateToken", input: { platform: "reddit" } }]);
      expect(JSON.stringify([temporal.started, await offered(), log])).not.toContain("canary-token");
      const listed = (await asAffiliate(`/affiliates/${ada.affiliateId}/tokens`, ada)).json() as unknown;
      expect(listed).toMatchObject({
        items: [{ platform: "reddit", works: null, isInUse: false, isBeingTried: true }],
      });
      expect((await asAffiliate(`/affiliates/${ada.affiliateId}/tokens`, bob)).statusCode).toBe(404);
      expect((await remove()).statusCode).toBe(200);
      expect(await offered()).toBeUndefined();
      expect((await remove()).statusCode).toBe(404);
      const { rows: recorded } = await database.pool.query(
        "select actor, subject, action, details from ops.audit where action like 'platform_token_%' order by audit_id",
      );
      const of = { actor: `affiliate/${ada.affiliateId}`, subject: `affiliate/${ada.affiliateId}` };
      expect(recorded).toEqual(
        ["platform_token_set", "platform_token_removed"].map((action) => ({
          ...{ ...of, action, details: { platform: "reddit" } },
        })),
      );
    });

    test("that is refused is answered with the reason", async () => {
      temporal.result = { value: { works: false, reason: "reddit refuses it: 401" } };
      const answer = await put();
      expect([answer.statusCode, answer.json()]).toEqual([
        400,
        expect.objectContaining({ details: { credentials: "reddit refuses it: 401" } }),
      ]);
    });

    test("that nobody can try now is not taken", async () => {
      temporal.result = null;
      expect((await put()).statusCode).toBe(503);
      expect(await offered()).toBeUndefined();
    });
  });

  test("a post is asked for by a workflow", async () => {
    const { postId } = await get<{ postId: string }>(`/submissions/${judged.high}`);
    temporal.result = { value: { kind: "metrics", views: 7 } };
    const answer = await call("POST", "/platforms/meta/fetch", { postId });
    temporal.result = { value: null };
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      expect.objectContaining({ result: { kind: "metrics", views: 7 } }),
    ]);
    expect((await call("POST", "/platforms/reddit/fetch", { postId })).statusCode).toBe(404);
    temporal.result = null;
    expect((await call("POST", "/platforms/meta/fetch", { postId })).statusCode).toBe(503);
    temporal.result = { value: null };
  });
});

describe("a manual run", () => {
  test("is a workflow with its scope, once per key", async () => {
    expect((await call("POST", "/reconciliation/run", {})).statusCode).toBe(400);
    expect((await call("POST", "/reconciliation/run", { campaignId, affiliateId: ada.affiliateId })).statusCode).toBe(
      400,
    );
    const answer = await call("POST", "/reconciliation/run", { campaignId });
    expect(answer.statusCode).toBe(200);
    const { runId } = answer.json<{ runId: string }>();
    expect(temporal.started.at(-1)).toEqual({
      type: "reconcileMany",
      workflowId: `reconcile-many/713/${runId}`,
      input: { client: "713", runId, scope: "campaign", scopeId: campaignId, requestedBy: "ada", latestOnly: true },
    });
    expect((await call("POST", "/reconciliation/run", { campaignId: "999999" })).statusCode).toBe(404);
  });

  test("shows each report with its claim, the platform's word, the verdict and what it did to trust", async () => {
    await database.pool.query(
      "insert into recon.runs (_client_id, run_id, scope, scope_id, requested_by, planned) values ('713', 'r-2', 'affiliate', $1, 'ada', 3)",
      [ada.affiliateId],
    );
    await database.pool.query(
      "insert into recon.run_reports (_client_id, run_id, report_id, attempt) select '713', 'r-2', id, 1 from unnest($1::bigint[]) id",
      [[judged.matched, judged.high, judged.waiting]],
    );
    const found = await get<{ reports: { items: object[]; next: string | null } }>("/reconciliation/runs/r-2?limit=2");
    expect(found).toMatchObject({
      scope: "affiliate",
      outcome: "running",
      reports: {
        items: [
          {
            reportId: judged.matched,
            trustBefore: 1,
            trustAfter: 1,
            result: {
              verdict: "MATCHED",
              platformReport: { views: 100, spend: "10.01", currency: "USD", raw: { of: "test" } },
            },
          },
          {
            reportId: judged.high,
            trustBefore: 1,
            trustAfter: 0.67,
            result: { verdict: "DISCREPANCY", level: "HIGH" },
          },
        ],
      },
    });
    const rest = await get(`/reconciliation/runs/r-2?limit=2&cursor=${found.reports.next ?? ""}`);
    expect(rest).toMatchObject({
      reports: { items: [{ reportId: judged.waiting, result: null, trustBefore: null }], next: null },
    });
  });
});
