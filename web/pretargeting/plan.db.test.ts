import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import { bidderId } from "../../bench/pretargeting-world.ts";
import { createPlan, findPlan, keepRefusal } from "../../queries/pretargeting/plans.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { formBody, loggedIn, pageServer } from "../../test/page-server.ts";

const client = "713";
let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({ database: database.pool }));
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const open = async (url: string, role: "operator" | "analyst" = "operator") =>
  (await api.inject({ url, headers: await loggedIn(database.pool, { role }) })).body;

async function refused(wanted: object, refusal: Partial<Parameters<typeof keepRefusal>[2]> = {}): Promise<number> {
  const asked = { client, by: "ada", source: "waste" as const, opportunityId: null, configId: null };
  const planId = await createPlan(database.pool, { ...asked, wanted, rollout: "at_once" });
  const reason = "it could be made in Apps, worldwide (7310001) or Web (7310002): name one";
  await keepRefusal(database.pool, { client, planId }, { reason, title: null, candidates: [], ...refusal });
  return planId;
}

/** A plan that was applied, in this order. */
async function applied(settledNo: number): Promise<number> {
  const planId = await refused({ by: "country", value: "BR" });
  await database.pool.query(
    `update rtb.pretargeting_plans set state = 'applied', state_reason = null, stage = 100, digest = 'x', bidder_id = $2, config_id = '1', config_name = 'Apps', rollout = 'gradual',
            rollout_reason = 'known' where plan_id = $1`,
    [planId, bidderId],
  );
  await database.pool.query(
    `insert into rtb.pretargeting_writes (_client_id, plan_id, stage, which, kind, changes, state, settled_no)
     values ($1, $2, 100, 'original', 'patch', '[{"path":"maximumQps","before":"1200","after":null}]', 'arrived', $3)`,
    [client, planId, settledNo],
  );
  return planId;
}

test("where several configurations are possible, an operator chooses one, and it is the same plan for that one", async () => {
  const candidates = [
    { configId: "7310001", displayName: "Apps, worldwide" },
    { configId: "7310002", displayName: "Web <b>" },
  ];
  const planId = await refused({ by: "country", value: "BR" }, { candidates });
  const page = await open(`/pretargeting/${planId}`);
  expect(page.replaceAll(/<\/?bdi>/g, "")).toMatch(/<span>Plan for Apps, worldwide \(7310001\)<\/span>/);
  expect(page).not.toContain("<b>");
  expect(await open(`/pretargeting/${planId}`, "analyst")).not.toContain("Plan for");

  const form = [...page.matchAll(/<form method="post" action="\/pretargeting\/plan">.*?<\/form>/gs)][1]?.[0] ?? "";
  const fields = [...form.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
  const { type, payload } = formBody(Object.fromEntries(fields) as Record<string, string>);
  const cookies = await loggedIn(database.pool, { role: "operator" });
  // There is no Temporal here: it is asked for all the same.
  await api.inject({ method: "POST", url: "/pretargeting/plan", headers: { ...type, ...cookies }, payload });
  expect(await findPlan(database.pool, { client, planId: planId + 1 })).toMatchObject({
    ...{ wanted: { by: "country", value: "BR" }, wantedConfigId: "7310002", wantedRollout: "at_once" },
  });
});

test("plans that were not possible say what was asked for, and the list says why in short", async () => {
  const reason = `pretargeting knows no hours: ${"let the bidder take fewer requests then ".repeat(4)}`;
  const hour = await refused({ by: "hour", value: "3" }, { reason });
  await refused({ by: "size", value: "Video/Overlay, wide" }, { reason: "it is no size" });
  expect(await open(`/pretargeting/${hour}`)).toMatch(/<title>Plan \d+: Leave out the hour 03:00/);
  const list = await open("/pretargeting");
  for (const shown of ["Leave out the hour 03:00", "Leave out the format VAST", "Leave out the country Brazil"])
    expect(list).toContain(shown);
  expect(list).toMatch(/pretargeting knows no hours: [^<]*…/);
  expect(list).not.toContain("not computed");
  const { compared, wrong } = await compareFigures(api, list);
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(10);
});

test("an older plan leads to the newer one that goes back first; a page's tables have headings", async () => {
  const [older, newer] = [await applied(1), await applied(2)];
  const page = await open(`/pretargeting/${older}`);
  expect(page).toContain(`<a href="/pretargeting/${newer}">Plan ${newer}</a> has changed the same configuration`);
  for (const shown of [
    ...["<h2>What would change</h2>", "<h2>What became of it</h2>", "<h2>What was sent to the exchange</h2>"],
    ...["in the last 7 days", "over 10, 50 and 100"],
  ])
    expect(page).toContain(shown);
  expect(await open(`/pretargeting/${newer}`)).not.toContain("comes first");
  const { wrong } = await compareFigures(api, page);
  expect(wrong).toEqual([]);
});

test("the audit log says of an act without a role where it came from", async () => {
  await database.pool.query(
    `insert into ops.audit (_client_id, actor, action, subject)
     values ('713', 'workflow', 'pretargeting_applied', 'x'), ('713', 'cli:ada', 'pretargeting_rollback_asked', 'x')`,
  );
  const { body } = await api.inject({ url: "/audit", headers: await loggedIn(database.pool) });
  for (const [actor, origin] of [
    ["workflow", "by the system itself"],
    ["cli:ada", "from the command line"],
  ])
    expect(body).toMatch(new RegExp(`data-value="${actor}".*?${origin}`, "s"));
  const { wrong } = await compareFigures(api, body);
  expect(wrong).toEqual([]);
});
