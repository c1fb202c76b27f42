import {
  addSeat,
  judgeEnd,
  startFeed,
  type MockConfig,
  type MockState,
  type Verdict,
} from "../bench/pretargeting-world.ts";
import { createPlan, findPlan, keepApproval, movePlan, type PlanRow } from "../queries/pretargeting/plans.ts";
import type { Leaves } from "../rules/pretargeting/leaves.ts";
import { warning, warningText } from "../rules/pretargeting/warning.ts";
import { pretargetingWorkflowId } from "../rules/pretargeting/workflow-ids.ts";
import type { AppliedPretargeting } from "../workflows/pretargeting/apply-pretargeting.ts";
import { googleAccount } from "./google-account.ts";
import { startStack, uniqueId, until, type StartedRun, type TestStack } from "./stack.ts";

const patienceMs = 60_000;
export const operator = "ada@example.test";

/** Steps of seconds instead of hours. */
export const pretargetingSettings = {
  PRETARGETING_APPLY: "on",
  PRETARGETING_WATCH_SECONDS: "3",
  PRETARGETING_CHECK_SECONDS: "1",
  PRETARGETING_SILENT_SECONDS: "10",
  PRETARGETING_ANSWER_SECONDS: "1",
};

/** A stack whose clients each have a bidder of their own at the mock server. */
export async function startPretargetingStack(
  clients: readonly string[],
  settings: Record<string, string> = {},
): Promise<TestStack> {
  const accounts = clients.map((client) => ({ client, ...googleAccount(client) }));
  const keyOf = (client: string) => `AUTHORIZED_BUYERS_KEY_${client.toUpperCase()}`;
  const stack = await startStack({
    CLIENTS: clients.join(","),
    ...Object.fromEntries(accounts.map(({ client, key }) => [keyOf(client), key])),
    AUTHORIZED_BUYERS_INTERVAL_MS: "1",
    ...pretargetingSettings,
    ...settings,
  });
  for (const { known } of accounts) await stack.control("POST", "/authorized_buyers/service-accounts", known);
  return stack;
}

export interface Asked {
  wanted?: object;
  rollout?: PlanRow["wantedRollout"];
}

/** One client's bidder, with a feed of its own. */
export async function openWorld(stack: TestStack, client: string) {
  const { pool } = stack.database;
  const mock = (what: string, body: object = {}) =>
    stack.control("POST", `/authorized_buyers/pretargeting/${what}`, { client, ...body });
  const state = async () => (await mock("state")) as MockState;
  await addSeat(pool, client);
  const feed = startFeed(pool, (what, body) => mock(what, body), client);
  await feed.begun();
  const before: readonly MockConfig[] = (await state()).configs;

  const found = async (planId: number): Promise<PlanRow> => {
    const row = await findPlan(pool, { client, planId });
    if (row === null) throw new Error("no plan");
    return row;
  };
  const start = (type: string, id: string, input: object) => stack.start(type, id, { client, ...input });

  return {
    ...{ client, mock, state, feed, before, found },
    plan: async ({ wanted = { by: "country", value: "BR" }, rollout = null }: Asked = {}): Promise<PlanRow> => {
      const asked = { client, by: operator, source: "waste" as const, opportunityId: null, configId: null };
      const planId = await createPlan(pool, { ...asked, wanted, rollout });
      await (await start("planPretargeting", uniqueId("plan"), { planId })).result();
      return found(planId);
    },
    apply: async ({ planId, digest }: PlanRow): Promise<StartedRun> => {
      const of = { client, planId };
      const accepted = { digest: digest ?? "", warningVersion: warning.version };
      await keepApproval(pool, of, { ...accepted, warning: warningText, approvedBy: operator, role: "operator" });
      await movePlan(pool, of, { from: ["planned"], to: "approved" });
      const handle = await start("applyPretargeting", pretargetingWorkflowId(client, planId), { planId, ...accepted });
      await handle.executeUpdate("approve", { args: [accepted] });
      return handle;
    },
    rollBack: (planId: number) => start("rollBackPretargeting", pretargetingWorkflowId(client, planId), { planId }),
    stageIs: (planId: number, stage: number) =>
      until(`stage ${stage}`, async () => (await found(planId)).stage === stage, patienceMs),
    end: async (planId: number): Promise<Verdict> => {
      const { configId, target } = await found(planId);
      return judgeEnd({ before, after: await state(), configId: configId ?? "", approved: target as Leaves });
    },
    critical: async () =>
      (
        await stack.rows<{ kind: string }>(
          "select kind from ops.alerts where _client_id = $1 and severity = 'critical' order by 1",
          [client],
        )
      ).map(({ kind }) => kind),
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

export const result = async (handle: StartedRun) => (await handle.result()) as AppliedPretargeting;
