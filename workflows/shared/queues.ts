import { workflowInfo } from "@temporalio/workflow";

/** The queue of a vendor's activities: isolation, so that one that is down fills only its own. */
export function vendorQueue(source: string): string {
  return workflowInfo().taskQueue.replace(/signal-room$/, `vendor-${source.split(".")[0]}`);
}

/** Work with files has a queue of its own: the worker has to see the import folder, and a large file must not keep others waiting. */
export function ingestQueue(): string {
  return workflowInfo().taskQueue.replace(/signal-room$/, "ingest");
}
