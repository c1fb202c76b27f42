// The worker of the floor: the same process layout as ours, two queues in one process.
import { NativeConnection, Worker } from "@temporalio/worker";

const connection = await NativeConnection.connect({ address: process.env["TEMPORAL_ADDRESS"] ?? "" });
const workflowsPath = new URL("./floor-workflows.js", import.meta.url).pathname;
const workers = [
  await Worker.create({ connection, taskQueue: "floor", workflowsPath, maxCachedWorkflows: 500 }),
  await Worker.create({
    connection,
    taskQueue: "floor-activities",
    activities: { nothing: (day: string) => Promise.resolve(day) },
    maxConcurrentActivityTaskExecutions: 20,
  }),
];
process.on("SIGTERM", () => workers.forEach((worker) => worker.shutdown()));
process.send?.("ready");
await Promise.all(workers.map((worker) => worker.run()));
await connection.close();
