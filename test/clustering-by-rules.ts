import { randomUUID } from "node:crypto";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { createFindingActivities } from "../activities/findings/finding-activities.ts";
import { createClusterActivities } from "../activities/intelligence/cluster-activities.ts";
import type { SentencePlan } from "../activities/intelligence/understand-question.ts";
import { createRateGate } from "../activities/shared/rate-gate.ts";
import type { TemporalAccess } from "../api/server/temporal.ts";
import { sources, vendors } from "../connectors/registry.ts";
import { createRedactor } from "../core/redact.ts";
import type { Database } from "../schema/database.ts";
import { loadConfig } from "../settings/config.ts";

/** In Temporal's place: the activities of a run by rules, of a search for opportunities or findings, or of questions that are asked, themselves. */
export function clusteringByRules(
  database: Database,
  { started, keepsWaiting }: { started: { workflowId: string; input: unknown }[]; keepsWaiting: () => boolean },
): Partial<TemporalAccess> {
  const config = loadConfig({ DATABASE_URL: "postgres://x", CLIENTS: "713,acme" }, vendors, sources);
  const gate = createRateGate(database);
  const activities = createClusterActivities({ database, config, gate, redact: createRedactor([]) });
  const findings = createFindingActivities({ database, config, redact: createRedactor([]) });
  const start = (type: string, { workflowId, args }: { workflowId: string; args: unknown[] }) => {
    started.push({ workflowId, input: args[0] });
    const inside = new MockActivityEnvironment(
      { workflowExecution: { workflowId, runId: randomUUID() } },
      { logger: new DefaultLogger("ERROR") },
    );
    const result = async () => {
      if (keepsWaiting()) throw new Error("nobody knows yet");
      if (type === "detectFindings") return inside.run(findings.searchFindings, { input: args[0] });
      if (type === "detectOpportunities") return inside.run(activities.searchOpportunities, { input: args[0] });
      if (type === "understandQuestion") {
        const plan = await inside.run(activities.planSentence, { input: args[0] });
        const { client, reason } = plan as SentencePlan;
        return { client, understood: false, reason };
      }
      if (type === "askQuestions") return inside.run(activities.askWatchedQuestions, { input: args[0] });
      const plan = await inside.run(activities.planClusters, { input: args[0] });
      return inside.run(activities.saveClusters as (of: unknown) => Promise<unknown>, plan);
    };
    return Promise.resolve({ workflowId, result });
  };
  return {
    client: { workflow: { start }, withAbortSignal: (_signal: unknown, work: () => unknown) => work() },
  } as unknown as Partial<TemporalAccess>;
}
