import { describe, expect, test } from "@jest/globals";
import { UnsecuredJWT } from "jose";
import { makeAffiliate } from "../../test/api-recon.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import {
  prefix,
  temporal,
  log,
  database,
  api,
  ada,
  bob,
  campaignId,
  otherCampaignId,
  judged,
  keyed,
  claim,
  call,
  get,
  asAffiliate,
  one,
  type Method,
} from "../../test/api-recon-cases.ts";

describe("who may come in", () => {
  test("a key that is missing, made up, rotated or disabled opens nothing", async () => {
    const eve = await makeAffiliate(database.pool, { client: "713", name: "eve" });
    const status = async (headers: Record<string, string>) =>
      (await api.inject({ url: `${prefix}/affiliates/me`, headers })).statusCode;
    expect(await status({})).toBe(401);
    for (const key of ["", "aff_", "x".repeat(5_000), `aff_${"A".repeat(43)}`, "' or 1=1 --"])
      expect(await status(keyed(key))).toBe(401);
    expect(await status(keyed(eve.key))).toBe(200);
    expect((await call("PUT", `/affiliates/${eve.affiliateId}/disable`)).json()).toMatchObject({ isActive: false });
    expect(await status(keyed(eve.key))).toBe(401);
    await call("PUT", `/affiliates/${eve.affiliateId}/enable`);
    expect(await status(keyed(eve.key))).toBe(200);
    const rotated = (await call("POST", `/affiliates/${eve.affiliateId}/rotate-key`)).json<{ key: string }>();
    expect([await status(keyed(eve.key)), await status(keyed(rotated.key))]).toEqual([401, 200]);
    // A token beside a bad key does not make up for it.
    expect(await status({ ...keyed(eve.key), ...(await bearer()) })).toBe(401);
  });

  test("the key is stored as a hash, and shown once", async () => {
    const made = (await call("POST", "/affiliates", { name: "grace", email: "Grace@Example.com" })).json<{
      key: string;
      affiliateId: string;
    }>();
    expect(made).toMatchObject({ key: expect.stringMatching(/^aff_.{43}$/), hasEmail: true, trust: 1 });
    const row = JSON.stringify(await one("select * from recon.affiliates where affiliate_id = $1", [made.affiliateId]));
    expect(row).not.toContain(made.key);
    expect(row.toLowerCase()).not.toContain("grace@example.com");
    expect((await call("GET", `/affiliates/${made.affiliateId}`)).payload).not.toContain(made.key);
    expect((await call("POST", "/affiliates", { name: "grace" })).statusCode).toBe(409);
    expect((await call("POST", "/affiliates", { name: "grace2", email: "grace@example.com" })).statusCode).toBe(409);
    expect(log.join("\n")).not.toContain(made.key);
  });

  test("a Discord account is linked to one affiliate, as a hash that says nothing of its id", async () => {
    const discordUserId = "900719925474099311";
    const made = (await call("POST", "/affiliates", { name: "linked", discordUserId })).json<{ affiliateId: string }>();
    expect(made).toMatchObject({ hasDiscord: true });
    expect((await call("POST", "/affiliates", { name: "second", discordUserId })).statusCode).toBe(409);
    const other = (await call("POST", "/affiliates", { name: "second" })).json<{ affiliateId: string }>();
    const link = (affiliateId: string, account: string | null) =>
      call("PUT", `/affiliates/${affiliateId}/discord`, { discordUserId: account });
    expect((await link(other.affiliateId, discordUserId)).statusCode).toBe(409);
    expect((await link(made.affiliateId, null)).json()).toMatchObject({ hasDiscord: false });
    expect((await link(other.affiliateId, discordUserId)).json()).toMatchObject({ hasDiscord: true });
    const row = JSON.stringify(await one("select * from recon.affiliates where name = 'second'"));
    for (const text of [row, (await call("GET", "/affiliates?limit=500")).payload, log.join("\n")])
      expect(text).not.toContain(discordUserId);
  });

  test("no Discord account is linked without a key to hash it with", async () => {
    const server = await testServer({ database: database.pool, temporal: temporal.access });
    try {
      const payload = { name: "unlinked", discordUserId: "42" };
      const headers = await bearer();
      const answer = await server.inject({ method: "POST", url: `${prefix}/affiliates`, headers, payload });
      expect(answer.statusCode).toBe(400);
      expect(answer.payload).toContain("CREDENTIALS_ENCRYPTION_KEY");
    } finally {
      await server.close();
    }
  });

  test("no algorithm, an expired token and a role that may not are refused", async () => {
    const none = new UnsecuredJWT({ client: "713", role: "admin" }).setExpirationTime("5m").encode();
    for (const authorization of [`Bearer ${none}`, (await bearer({ expiresInSeconds: -60 })).authorization])
      for (const path of ["/campaigns", "/submissions", "/alerts", "/dashboard/affiliates", "/platforms/reddit/status"])
        expect((await api.inject({ url: prefix + path, headers: { authorization } })).statusCode).toBe(401);
    const refused: [Method, string, object | undefined][] = [
      ["POST", "/affiliates", { name: "x" }],
      ["POST", `/affiliates/${ada.affiliateId}/rotate-key`, undefined],
      ["PUT", `/affiliates/${ada.affiliateId}/disable`, undefined],
      ["POST", "/campaigns", { name: "x", advertiserId: "a", platforms: ["reddit"] }],
      ["PUT", `/campaigns/${campaignId}/platforms`, { platforms: ["reddit"] }],
      ["PUT", "/platforms/reddit/config", { mode: "real" }],
      ["POST", "/platforms/reddit/fetch", { postId: "1" }],
      ["POST", "/reconciliation/run", { campaignId }],
      ["PUT", "/alerts/1/resolve", { notes: "x" }],
      ["PUT", "/disputes/1/settle", { outcome: "affiliate", notes: "x" }],
    ];
    for (const [method, path, payload] of refused)
      for (const role of ["analyst", "advertiser"] as const) {
        const answer = await call(method, path, payload, {
          role,
          ...(role === "advertiser" ? { advertiser: "adv-1" } : {}),
        });
        expect([path, role, answer.statusCode]).toEqual([path, role, 403]);
      }
    // Only an affiliate submits and disputes, only staff sees the rest.
    expect((await call("POST", "/affiliates/submissions", claim())).statusCode).toBe(403);
    for (const path of ["/affiliates", "/campaigns", "/alerts", "/dashboard/affiliates", "/reconciliation/runs"])
      expect((await asAffiliate(path)).statusCode).toBe(401);
  });

  test("whatever is another client's is not there", async () => {
    const { reportId } = { reportId: judged.high };
    const { postId } = await get<{ postId: string }>(`/submissions/${reportId}`);
    const { rows } = await database.pool.query<{ id: string }>(
      "insert into recon.runs (_client_id, run_id, scope, scope_id, requested_by, planned) values ('713', 'r-1', 'report', '1', 'ada', 1) returning run_id as id",
    );
    await database.pool.query(
      "insert into ops.alerts (_client_id, area, kind, subject, severity, message) values ('713', 'recon', 'k', 's', 'info', 'm')",
    );
    const alertId = Number((await one("select max(alert_id) as id from ops.alerts"))?.["id"]);
    const routes: [Method, string, object?][] = [
      ["GET", `/affiliates/${ada.affiliateId}`],
      ["GET", `/affiliates/${ada.affiliateId}/submissions`],
      ["GET", `/affiliates/${ada.affiliateId}/performance`],
      ["GET", `/affiliates/${ada.affiliateId}/tokens`],
      ["POST", `/affiliates/${ada.affiliateId}/rotate-key`],
      ["PUT", `/affiliates/${ada.affiliateId}/disable`],
      ["PUT", `/affiliates/${ada.affiliateId}/enable`],
      ["PUT", `/affiliates/${ada.affiliateId}/discord`, { discordUserId: "1" }],
      ["PUT", `/affiliates/${ada.affiliateId}/tokens/reddit`, { credentials: { REDDIT_ACCESS_TOKEN: "x" } }],
      ["GET", `/submissions/${reportId}`],
      ["GET", `/campaigns/${campaignId}`],
      ["PUT", `/campaigns/${campaignId}/platforms`, { platforms: ["reddit"] }],
      ["GET", `/dashboard/campaigns/${campaignId}`],
      ["POST", "/platforms/meta/fetch", { postId }],
      ["POST", "/reconciliation/run", { reportId }],
      ["POST", "/reconciliation/run", { campaignId }],
      ["GET", `/reconciliation/runs/${rows[0]?.id ?? ""}`],
      ["PUT", `/alerts/${alertId}/resolve`, { notes: "x" }],
      ["PUT", "/disputes/1/settle", { outcome: "affiliate", notes: "x" }],
    ];
    for (const [method, path, payload] of routes) {
      const answer = await call(method, path, payload, { client: "acme", role: "admin" });
      expect([method, path, answer.statusCode]).toEqual([method, path, 404]);
    }
    for (const path of [
      "/affiliates",
      "/submissions",
      "/posts",
      "/campaigns",
      "/alerts",
      "/reconciliation/runs",
      "/dashboard/affiliates",
      "/dashboard/discrepancies",
    ])
      expect(await get(path, { client: "acme", role: "admin" })).toMatchObject({ items: [], next: null });
    expect(await get(`/reconciliation/runs/r-1`)).toMatchObject({ runId: "r-1", outcome: "running" });
  });

  test("an affiliate sees its own rows, and nothing of another's, not even that they are there", async () => {
    for (const path of ["", "/submissions", "/performance"]) {
      expect((await asAffiliate(`/affiliates/${ada.affiliateId}${path}`)).statusCode).toBe(200);
      for (const id of [bob.affiliateId, "999999"]) {
        const answer = await asAffiliate(`/affiliates/${id}${path}`);
        expect([answer.statusCode, answer.json()]).toEqual([
          404,
          { error: "not_found", message: "there is no such affiliate" },
        ]);
      }
    }
    expect((await asAffiliate(`/submissions/${judged.high}`)).statusCode).toBe(200);
    expect((await asAffiliate(`/submissions/${judged.high}`, bob)).statusCode).toBe(404);
    expect((await asAffiliate(`/submissions/${judged.high}/dispute`, bob, "POST", { reason: "mine" })).statusCode).toBe(
      404,
    );
    expect(
      (
        await asAffiliate(`/affiliates/${ada.affiliateId}/tokens/reddit`, bob, "PUT", {
          credentials: { REDDIT_ACCESS_TOKEN: "x" },
        })
      ).statusCode,
    ).toBe(404);
    for (const list of ["/submissions", "/posts", `/submissions?affiliate=${ada.affiliateId}`]) {
      const { items } = (await asAffiliate(list, bob)).json<{ items: { affiliateId: string }[] }>();
      expect(items.filter(({ affiliateId }) => affiliateId !== bob.affiliateId)).toEqual([]);
    }
    // What a campaign cost is not the affiliate's business.
    expect((await asAffiliate(`/submissions/${judged.matched}`)).payload).not.toMatch(/"10\.01|"USD"|of.*test"/);
  });

  test("an advertiser sees its own campaigns, their reports and the affiliates that posted for them", async () => {
    const second = { role: "advertiser", advertiser: "adv-2" } as const;
    expect(await get("/campaigns", second)).toMatchObject({ items: [{ campaignId: otherCampaignId }], next: null });
    expect(
      (await get<{ items: { campaignId: string }[] }>("/submissions", second)).items.map((row) => row.campaignId),
    ).toEqual([otherCampaignId]);
    expect((await get<{ items: object[] }>("/posts", second)).items).toHaveLength(1);
    expect(
      (await get<{ items: { name: string }[] }>("/dashboard/affiliates", second)).items.map(({ name }) => name),
    ).toEqual(["bob"]);
    expect(await get("/dashboard/discrepancies", second)).toMatchObject({
      high: { reports: 1 },
      medium: { reports: 0 },
      openAlerts: [],
    });
    for (const path of [
      `/campaigns/${campaignId}`,
      `/dashboard/campaigns/${campaignId}`,
      `/submissions/${judged.high}`,
      `/affiliates/${ada.affiliateId}/performance`,
    ])
      expect([path, (await call("GET", path, undefined, second)).statusCode]).toEqual([path, 404]);
    for (const path of [
      `/campaigns/${otherCampaignId}`,
      `/dashboard/campaigns/${otherCampaignId}`,
      `/affiliates/${bob.affiliateId}/performance`,
    ])
      expect([path, (await call("GET", path, undefined, second)).statusCode]).toEqual([path, 200]);
  });
});
