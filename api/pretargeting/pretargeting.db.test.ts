import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createPlan, findPlan, keepPlan } from "../../queries/pretargeting/plans.ts";
import { warning } from "../../rules/pretargeting/warning.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { addSeat, bidderId, buyerId } from "../../bench/pretargeting-world.ts";
import type { Api } from "../server/parts.ts";

const client = "713";
const plans = "/api/v1/rtb/pretargeting/plans";
let database: TestDatabase;
let api: Api;
let off: Api;
beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({ database: database.pool, env: { PRETARGETING_APPLY: "on" } });
  off = await testServer({ database: database.pool });
  await addSeat(database.pool, client);
});
afterAll(async () => {
  await Promise.all([api?.close(), off?.close()]);
  await database?.drop();
});

async function made(): Promise<string> {
  const asked = { client, by: "ada", source: "waste" as const, opportunityId: null, configId: null, rollout: null };
  const planId = await createPlan(database.pool, { ...asked, wanted: { by: "country", value: "BR" } });
  const [snapshot, target] = [{ maximumQps: "100" }, { maximumQps: "100", "geoTargeting.excludedIds": ["2076"] }];
  await keepPlan(
    database.pool,
    { client, planId, origin: "sandbox" },
    {
      ...{ title: "Leave out the country Brazil", bidderId, configId: "1", configName: "Apps", configState: "ACTIVE" },
      ...{ snapshot, target, rollout: "gradual", rolloutReason: "known", totalQps: 100, expectedShare: 0.25 },
      ...{ difference: [{ path: "geoTargeting.excludedIds", before: null, after: ["2076"] }] },
      ...{ blockedBy: null, digest: "d".repeat(64), cloneName: "Apps (change)" },
    },
  );
  return String(planId);
}

const as = async (role: "operator" | "analyst", server = api) => {
  const headers = await bearer({ role, subject: `${role} ada` });
  return async (method: "GET" | "POST", url: string, payload?: object) => {
    const answer = await server.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
    return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
  };
};
const accepted = { digest: "d".repeat(64), warningVersion: warning.version, accepted: true };

test("analysts read plans with their difference and the warning, and may not approve or take back", async () => {
  const id = await made();
  const ask = await as("analyst");
  expect((await ask("GET", `${plans}/totals`)).body).toMatchObject({ plans: 1, underWay: 0, applied: 0 });
  expect((await ask("GET", plans)).body).toMatchObject({ items: [{ state: "planned", expectedShare: 25 }] });
  expect((await ask("GET", `${plans}/${id}`)).body).toMatchObject({
    difference: [
      { part: "countries excluded", before: null, after: "Brazil", exact: { before: null, after: ["2076"] } },
    ],
    warning: { version: warning.version },
    whyNot: expect.stringMatching(/no QPS feed/),
  });
  for (const what of [`${plans}/${id}/approve`, `${plans}/${id}/rollback`, plans])
    expect((await ask("POST", what, what.endsWith("approve") ? accepted : {})).status).toBe(403);
});

test("an approval needs the setting, a feed, the plan that was read and today's warning; then it is kept by name", async () => {
  const id = await made();
  const url = `${plans}/${id}/approve`;
  const [ask, asked] = [await as("operator"), await as("operator", off)];
  expect((await asked("POST", url, accepted)).body).toMatchObject({ message: expect.stringMatching(/APPLY is off/) });
  expect((await ask("POST", url, accepted)).body).toMatchObject({ message: expect.stringMatching(/no QPS feed/) });
  await database.pool.query(
    `insert into rtb.rtb_traffic (_client_id, buyer_id, at, size, format, geography, device_type, date, hour, seconds, requests, _file_id, _line, _grain)
     values ($1, $2, now() - interval '1 minute', '300x250', '', '', '', current_date, -1, 60, 6000, 0, 1, '')`,
    [client, buyerId],
  );
  expect((await ask("POST", url, { ...accepted, digest: "x" })).status).toBe(409);
  expect((await ask("POST", url, { ...accepted, warningVersion: 0 })).status).toBe(409);
  expect((await ask("POST", url, { ...accepted, accepted: false })).status).toBe(400);
  // There is no Temporal here: who accepted what is kept all the same, and it can be sent again.
  expect((await ask("POST", url, accepted)).status).toBeGreaterThanOrEqual(500);
  expect(await findPlan(database.pool, { client, planId: Number(id) })).toMatchObject({ state: "approved" });
  expect((await ask("GET", `${plans}/${id}`)).body).toMatchObject({
    approval: { approvedBy: "operator ada", role: "operator", warning: warning.text.join("\n") },
  });
  const audit = "select actor from ops.audit where action = 'pretargeting_approved' and subject = $1";
  expect((await database.pool.query(audit, [`pretargeting/${id}`])).rows).toEqual([{ actor: "operator ada" }]);
  const analyst = await as("analyst");
  expect((await analyst("POST", url, accepted)).status).toBe(403);
  const refused = await database.pool.query(
    "select actor, role, details ->> 'reason' as reason from ops.audit where action = 'pretargeting_approval_refused' and subject = $1 order by audit_id",
    [`pretargeting/${id}`],
  );
  expect(refused.rows).toEqual(
    [
      ...[/APPLY is off/, /no QPS feed/, /not the one that was read/, /newer text/, /not valid/].map(
        (reason) => ["operator", reason] as const,
      ),
      ["analyst", /the role analyst may not do this/] as const,
    ].map(([role, reason]) => ({ actor: `${role} ada`, role, reason: expect.stringMatching(reason) })),
  );
  const other = await made();
  expect((await ask("POST", `${plans}/${other}/approve`, accepted)).body).toMatchObject({
    message: expect.stringMatching(/another change of this bidder/),
  });
});
