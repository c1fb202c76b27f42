import { randomUUID } from "node:crypto";
import { WorkflowFailedError } from "@temporalio/client";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { createIngestActivities } from "../activities/files/ingest.ts";
import type { TemporalAccess } from "../api/server/temporal.ts";
import { createRedactor } from "../core/redact.ts";
import type { Database } from "../schema/database.ts";
import type { Config } from "../settings/config.ts";

/** In Temporal's place: the activity that takes files, itself. */
export function ingesting(database: Database, config: Config): Partial<TemporalAccess> {
  const redact = createRedactor(config.secrets);
  const { takeFile } = createIngestActivities({ database, config, redact });
  const start = (_type: string, { workflowId, args }: { workflowId: string; args: unknown[] }) => {
    const inside = new MockActivityEnvironment(
      { workflowExecution: { workflowId, runId: randomUUID() } },
      { logger: new DefaultLogger("ERROR") },
    );
    const result = () =>
      inside.run(takeFile as (input: unknown) => Promise<unknown>, args[0]).catch((error: Error) => {
        throw new WorkflowFailedError("failed", error, "NON_RETRYABLE_FAILURE");
      });
    return Promise.resolve({ workflowId, result });
  };
  return {
    client: { workflow: { start }, withAbortSignal: (_signal: unknown, work: () => unknown) => work() },
  } as unknown as Partial<TemporalAccess>;
}
