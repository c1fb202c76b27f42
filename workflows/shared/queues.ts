import { workflowInfo } from "@temporalio/workflow";

/** The queue that workflows run on, behind the prefix of their stack. */
const mainQueue = "signal-room";

/** The queue of a vendor's activities: isolation, so that one that is down fills only its own. */
export function vendorQueue(vendor: string): string {
  return queueOf(`vendor-${vendor}`);
}

/** The same for a source, which is called `vendor.table`. */
export function sourceQueue(source: string): string {
  return vendorQueue(source.slice(0, source.indexOf(".")));
}

/** Work with files has a queue of its own: the worker has to see the import folder, and a large file must not keep others waiting. */
export function ingestQueue(): string {
  return queueOf("ingest");
}

function queueOf(name: string): string {
  const { taskQueue } = workflowInfo();
  return taskQueue.endsWith(mainQueue) ? taskQueue.slice(0, -mainQueue.length) + name : taskQueue;
}
