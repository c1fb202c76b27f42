import { ingestWorkflowId } from "../../rules/files/workflow-ids.ts";
import type { Config } from "../../settings/config.ts";

/** What is known of an upload lies beside its bytes, under its number. */
export const recordFile = /^([0-9a-z]{8,64})\.json$/;

/** The workflow that the HTTP server starts for an upload. */
export const startedUnder = (config: Pick<Config, "queuePrefix">, client: string, importId: string) =>
  config.queuePrefix + ingestWorkflowId(client, importId);
