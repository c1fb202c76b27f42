import { randomBytes } from "node:crypto";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import { makeAffiliate, makeCampaign, type MadeAffiliate } from "../../test/api-recon.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { allHistories, readable } from "../../test/histories.ts";
import { everyRow } from "../../test/database.ts";
import { logLines, startStack, until, type TestStack } from "../../test/stack.ts";

jest.setTimeout(120_000);

const credentialsKey = randomBytes(32).toString("base64");
const apiLog: string[] = [];
let stack: TestStack;
let api: Api;
let ada: MadeAffiliate;
let campaignId: string;
beforeAll(async () => {
  stack = await startStack({ CREDENTIALS_ENCRYPTION_KEY: credentialsKey, RECON_FIRST_WAIT_MS: "100" });
  api = await testServer({
    database: stack.database.pool,
    temporal: { client: stack.client },
    credentialsKey: stack.config.credentialsKey,
    log: apiLog,
  });
  ada = await makeAffiliate(stack.database.pool, { client: "713", name: "ada" });
  campaignId = await makeCampaign(stack.database.pool, { client: "713", name: "spring" });
});
afterAll(async () => {
  await api?.close();
  await stack?.stop();
});

const answers: string[] = [];
const planted: string[] = [];
/** Something of a person, which can be found again wherever it comes to lie. */
function plant(form: (canary: string) => string): string {
  const canary = `canary${String(planted.length).padStart(3, "0")}xyz`;
  planted.push(canary);
  return form(canary);
}
const spellings = (canary: string) => [canary, ...[0, 1, 2].map((shift) => base64Core(canary, shift))];
/** What every Base64 of a text has that holds it, at one of three places within a group. */
function base64Core(text: string, shift: number): string {
  const bytes = Buffer.from("?".repeat(shift) + text);
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString("base64");
  return shift === 0 ? whole : whole.slice(4);
}
const leaks = (where: string, text: string) =>
  planted.flatMap((canary) =>
    spellings(canary).some((spelling) => text.includes(spelling)) ? [`${where}: ${canary}`] : [],
  );

async function call(
  method: "GET" | "POST" | "PUT",
  path: string,
  payload?: object,
  headers: Record<string, string> = {},
) {
  const authorised =
    "x-api-key" in headers ? headers : { ...(await bearer({ role: "admin", subject: "root" })), ...headers };
  const answer = await api.inject({
    method,
    url: `/api/v1/recon${path}`,
    headers: authorised,
    ...(payload === undefined ? {} : { payload }),
  });
  answers.push(answer.payload);
  return answer;
}

test("what a person wrote into a claim, a token or a dispute is in no history, decoded or raw, in no table and in no log", async () => {
  const key = { "x-api-key": ada.key };
  await stack.control("POST", "/posts", { platform: "reddit", id: "1canry", views: 10 });
  const taken = await call(
    "POST",
    "/affiliates/submissions",
    {
      campaignId,
      url: plant((canary) => `https://www.reddit.com/comments/1canry/?${canary}=${canary}#${canary}`),
      claimed: { views: 900, clicks: 4 },
      title: plant((canary) => `by @${canary}`),
      description: plant((canary) => `write to ${canary}@mail.example`),
      evidence: {
        [plant((canary) => canary)]: { note: plant((canary) => `Jane ${canary}`), list: [plant((canary) => canary)] },
      },
    },
    { ...key, "idempotency-key": plant((canary) => `${canary}@mail.example`) },
  );
  expect(taken.statusCode).toBe(202);
  const { reportId } = taken.json<{ reportId: string }>();
  const token = plant((canary) => `token-${canary}`);
  const offered = await call(
    "PUT",
    `/affiliates/${ada.affiliateId}/tokens/instagram`,
    { credentials: { INSTAGRAM_ACCESS_TOKEN: token } },
    key,
  );
  // It opens nothing, which the workflow that tries it finds out.
  expect(offered.statusCode).toBe(400);
  const refused = await call(
    "POST",
    "/affiliates/submissions",
    { campaignId, url: plant((canary) => `https://${canary}.example/`), claimed: {} },
    key,
  );
  expect(refused.statusCode).toBe(400);
  await until("the verdict", async () => {
    const [row] = await stack.rows<{ state: string }>("select state from recon.report_state where report_id = $1", [
      reportId,
    ]);
    return row !== undefined && row.state !== "PENDING" && row.state !== "WAITING";
  });
  await call(
    "POST",
    `/submissions/${reportId}/dispute`,
    { reason: plant((canary) => `I am u/${canary}, ${canary}@mail.example`) },
    key,
  );
  const rerun = await call("POST", "/reconciliation/run", { reportId });
  expect(rerun.statusCode).toBeLessThan(300);
  await (await stack.start("sweepReports", "sweep-reports/canary")).result();

  const histories = await until("the workflows to be listed", async () => {
    const found = await allHistories(stack);
    const types = new Set(found.map(({ type }) => type));
    return types.has("reconcileReport") && types.has("checkAffiliateToken") && types.has("sweepReports") && found;
  });
  expect(
    histories.flatMap(({ workflowId, history }) => [
      ...leaks(`${workflowId}, decoded`, readable(history)),
      ...leaks(`${workflowId}, raw`, historyToJSON(history)),
    ]),
  ).toEqual([]);
  // The search would have found one.
  expect(leaks("a history", Buffer.from(`{"reason":"${planted[0]}"}`).toString("base64"))).toEqual([
    `a history: ${planted[0]}`,
  ]);
  expect(leaks("the tables", await everyRow(stack.database.pool))).toEqual([]);
  expect(leaks("an answer", answers.join("\n"))).toEqual([]);
  expect(apiLog.length).toBeGreaterThan(3);
  expect(leaks("the API's log", apiLog.join("\n"))).toEqual([]);
  expect(leaks("the worker's log", logLines.join("\n"))).toEqual([]);
});
