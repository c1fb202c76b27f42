import { historyToJSON, type History } from "@temporalio/common/lib/proto-utils.js";
import type { TestStack } from "./stack.ts";

export interface RecordedHistory {
  workflowId: string;
  type: string;
  history: History;
}

/** The histories of every workflow that the namespace lists. */
export async function allHistories(stack: TestStack): Promise<RecordedHistory[]> {
  const found: RecordedHistory[] = [];
  for await (const { workflowId, runId, type } of stack.client.workflow.list()) {
    found.push({ workflowId, type, history: await stack.client.workflow.getHandle(workflowId, runId).fetchHistory() });
  }
  return found;
}

/** JSON with every payload as the text it holds. */
export function readable(history: History): string {
  return JSON.stringify(JSON.parse(historyToJSON(history)), (_name, value: unknown) => {
    const { metadata, data } = (value ?? {}) as { metadata?: { encoding?: string }; data?: string };
    return metadata?.encoding === undefined ? value : { encoding: plain(metadata.encoding), text: plain(data ?? "") };
  });
}

const plain = (base64: string) => Buffer.from(base64, "base64").toString("utf8");
