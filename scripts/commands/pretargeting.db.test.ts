import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { createPlan, noteEvent } from "../../queries/pretargeting/plans.ts";
import { projectRoot } from "../../settings/environment.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

// The first command after a change builds dist/.
jest.setTimeout(120_000);

const client = "713";
let database: TestDatabase;
let planId: number;
beforeAll(async () => {
  database = await testDatabase();
  planId = await createPlan(database.pool, {
    ...{ client, by: "ada", source: "waste", opportunityId: null, configId: null, rollout: null },
    wanted: { by: "country", value: "BR" },
  });
  await database.pool.query(
    `update rtb.pretargeting_plans set state = 'overtaken', title = 'Leave out the country Brazil', digest = 'x', blocked_by = 'no feed',
            difference = '[{"path":"maximumQps","before":"1200","after":null},{"path":"geoTargeting.excludedIds","before":["2643"],"after":["2076","2643","1023191"]}]' where plan_id = $1`,
    [planId],
  );
  await database.pool.query(
    `insert into rtb.pretargeting_approvals (_client_id, plan_id, digest, warning_version, warning, approved_by, role, at)
     values ($1, $2, 'x', 1, 'text', 'grace', 'operator', '2026-11-01T10:00:00Z')`,
    [client, planId],
  );
  await database.pool.query(
    `insert into rtb.pretargeting_writes (_client_id, plan_id, stage, which, kind, changes, state, settled_no)
     values ($1, $2, 100, 'original', 'patch', '[{"path":"geoTargeting.excludedIds","before":null,"after":["2076"]}]', 'arrived', 1)`,
    [client, planId],
  );
  await noteEvent(database.pool, { client, planId }, { kind: "planned", actor: "ada", words: "computed" });
});
afterAll(() => database.drop());

const pretargeting = (...given: string[]) =>
  promisify(execFile)(process.execPath, ["scripts/run.mjs", "pretargeting", ...given], {
    cwd: projectRoot(),
    env: { ...process.env, DATABASE_URL: database.url, NODE_OPTIONS: "" },
  }).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    (error: { code: number; stderr: string }) => ({ code: error.code, said: error.stderr }),
  );

test("plans are listed and shown; one that is over cannot be taken back, and one that is not there is named", async () => {
  expect(await pretargeting("list")).toMatchObject({
    code: 0,
    said: expect.stringMatching(/Leave out the country Brazil/),
  });
  expect((await pretargeting("list", "--state", "applied")).said).toMatch(/no plan/);
  const shown = await pretargeting("show", "--plan", String(planId));
  expect(shown.said).toContain("maximum QPS: 1,200 -> unset");
  expect(shown.said).toContain("countries excluded: Russia -> Brazil, location 1023191, Russia");
  expect(shown.said).toContain(`approved by grace (operator) at 2026-11-01T10:00:00.000Z, version 1 of the warning`);
  expect(shown.said).toMatch(/100 % +original +patch +countries excluded: Brazil +arrived/);
  // Of one that is over it says nothing of what spoke against it once.
  expect(shown.said).not.toContain("no feed");
  expect(shown.said).toMatch(/planned +ada +computed/);
  expect(await pretargeting("rollback", "--plan", String(planId))).toMatchObject({
    code: 2,
    said: expect.stringMatching(/is overtaken: there is nothing to take back/),
  });
  expect(await pretargeting("show", "--plan", "999")).toMatchObject({
    code: 2,
    said: expect.stringMatching(/has no plan 999/),
  });
});
