import {
  Worker,
  type ActivityInboundCallsInterceptor,
  type NativeConnection,
  type WorkerInterceptors,
  type WorkerOptions,
} from "@temporalio/worker";
import type { Config } from "../settings/config.ts";
import type { Redact } from "../core/redact.ts";
import { createAnytrackActivities } from "../activities/conversions/anytrack.ts";
import { createDeliverActivities } from "../activities/conversions/deliver.ts";
import { createMaintenanceActivities } from "../activities/ops/maintenance.ts";
import { createMirrorActivities } from "../activities/ops/mirror-activities.ts";
import { createTellingActivities } from "../activities/ops/telling.ts";
import { createDiscordActivities } from "../activities/recon/discord.ts";
import { createIngestActivities } from "../activities/files/ingest.ts";
import { noteFirstStart, type NoteStartContext } from "../activities/shared/note-start.ts";
import { createRateGate } from "../activities/shared/rate-gate.ts";
import { createReconcileActivities } from "../activities/recon/reconcile-activities.ts";
import type { AfterMerge } from "../activities/sync/context.ts";
import { createClusterActivities } from "../activities/intelligence/cluster-activities.ts";
import { createFindingActivities } from "../activities/findings/finding-activities.ts";
import { createSeatActivities } from "../activities/rtb/seat-activities.ts";
import { createPretargetingActivities } from "../activities/pretargeting/pretargeting-activities.ts";
import { createThumbnailActivities } from "../activities/rtb/thumbnail-activities.ts";
import { createSyncActivities } from "../activities/sync/sync.ts";
import { warehouseFeeds } from "../activities/warehouses/elsewhere.ts";
import { platforms } from "../connectors/platforms/registry.ts";
import { authorizedBuyers } from "../connectors/exchanges/authorized-buyers.ts";
import { models } from "../connectors/models/registry.ts";
import { warehouses } from "../connectors/warehouses/registry.ts";
import { destinations } from "../connectors/destinations/registry.ts";
import type { AnySource } from "../connectors/source.ts";
import { matchLabels } from "../queries/cost/affiliate-mapping.ts";
import { foldPulled } from "../queries/conversions/anytrack-events.ts";
import type { ColumnStore } from "../schema/clickhouse/column-store.ts";
import type { Database } from "../schema/database.ts";
import { ingestQueue, mainQueue, vendorQueue } from "../temporal.config.ts";
import { dataConverter } from "../temporal/payload-codec.ts";

export interface WorkerParts {
  config: Config;
  database: Database;
  /** Null where Postgres is all there is. */
  store?: ColumnStore | null;
  sources: readonly AnySource[];
  connection: NativeConnection;
  namespace: string;
  redact: Redact;
  /** Bundled ahead in production; from the sources in tests. */
  workflows: Pick<WorkerOptions, "workflowBundle" | "workflowsPath">;
  /** Days of one run under way at a time. */
  parallel?: number;
}

/** Names of every queue this stack has. */
export function allQueues(sources: readonly AnySource[]): string[] {
  return [
    mainQueue,
    ingestQueue,
    ...new Set(
      [
        ...sources.map((source) => source.vendor.name),
        ...destinations.map(({ name }) => name),
        ...platforms.map(({ vendor }) => vendor.name),
        authorizedBuyers.name,
        ...models.map(({ name }) => name),
        ...warehouses.map(({ vendor }) => vendor.name),
      ].map(vendorQueue),
    ),
  ];
}

/** One worker per queue: workflows and Postgres work on the main one, each vendor's requests on its own. */
export async function createWorkers(parts: WorkerParts): Promise<Worker[]> {
  const { config, database, sources, connection, namespace, redact } = parts;
  const converter = dataConverter(config.payloadKey, namespace);
  const shared: Partial<WorkerOptions> = {
    connection,
    namespace,
    interceptors: notingStarts({ database, config, redact }),
    shutdownGraceTime: config.worker.shutdownGraceMs,
    shutdownForceTime: config.worker.shutdownGraceMs + 3_000,
    ...(converter === undefined ? {} : { dataConverter: converter }),
    ...versioning(config),
  };
  const wanted = config.worker.queues;
  const queues = allQueues(sources).filter((queue) => wanted === null || wanted.includes(queue));
  const unknown = (wanted ?? []).filter((queue) => !queues.includes(queue));
  if (unknown.length > 0)
    throw new Error(`WORKER_QUEUES names ${unknown.join(", ")}; there are ${allQueues(sources).join(", ")}`);
  const work = workOf(parts);
  return Promise.all(
    queues.map((queue) =>
      Worker.create({ ...shared, taskQueue: config.queuePrefix + queue, ...work(queue) } as WorkerOptions),
    ),
  );
}

/** What is done on each queue, and how much of it at a time. */
function workOf(parts: WorkerParts): (queue: string) => Partial<WorkerOptions> {
  const { config, database, store = null, sources, redact } = parts;
  const gate = createRateGate(database);
  const asking = { database, config, gate, redact };
  const sync = createSyncActivities({
    ...asking,
    sources,
    afterMerge: afterMerge(config),
    elsewhere: warehouseFeeds(asking),
    ...(parts.parallel === undefined ? {} : { parallel: parts.parallel }),
  });
  const deliver = createDeliverActivities(asking);
  const onMain = [
    createMaintenanceActivities({ database, config, redact, schedules: config.schedules }),
    createMirrorActivities({ database, store, redact }),
    createTellingActivities(asking),
    createDiscordActivities(asking),
    createFindingActivities({ database, config, redact }),
  ];
  const onBoth = [
    createReconcileActivities(asking),
    createSeatActivities(asking),
    createThumbnailActivities(asking),
    createPretargetingActivities(asking),
    createClusterActivities({ ...asking, store }),
  ];
  const ingest = createIngestActivities({ database, config, redact });
  const anytrack = createAnytrackActivities(asking);
  return (queue) => {
    switch (queue) {
      case mainQueue:
        return {
          ...parts.workflows,
          activities: together(sync, deliver, ...onMain, ...onBoth),
          maxConcurrentActivityTaskExecutions: config.databasePoolSize,
          maxCachedWorkflows: 500,
        };
      case ingestQueue:
        return {
          activities: ingest,
          maxConcurrentActivityTaskExecutions: config.ingest.slots,
          // So that whoever follows a file sees it move.
          maxHeartbeatThrottleInterval: "1 second",
        };
      default:
        return {
          activities: together(sync, deliver, anytrack, ...onBoth),
          maxConcurrentActivityTaskExecutions: config.worker.vendorSlots,
        };
    }
  };
}

/** Which deployment it is of, where one is named. */
function versioning({ worker: { deployment } }: Config): Partial<WorkerOptions> {
  if (deployment === null) return {};
  return {
    workerDeploymentOptions: {
      version: { deploymentName: deployment.name, buildId: deployment.buildId },
      useWorkerVersioning: true,
      // Slices end within minutes on the code they began with; a backfill moves on at its next history.
      defaultVersioningBehavior: "PINNED",
    },
  };
}

/** Around every activity: the first one of a run records who started it. */
function notingStarts(context: NoteStartContext): WorkerInterceptors {
  const inbound: ActivityInboundCallsInterceptor = {
    execute: async (input, next) => {
      await noteFirstStart(context, input.args);
      return next(input);
    },
  };
  return { activity: [() => ({ inbound })] };
}

/** The activities of one queue. Two of one name would be one, whichever came last, and the wrong work would be done in silence. */
export function together(...groups: object[]): Record<string, unknown> {
  const names = groups.flatMap((group) => Object.keys(group));
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  if (twice !== undefined) throw new Error(`two activities are named ${twice}: rename one, they share a queue`);
  return Object.assign({}, ...groups) as Record<string, unknown>;
}

/** What else a merged slice changes, in its own transaction. */
export function afterMerge(config: Pick<Config, "anytrack">): Record<string, AfterMerge> {
  return {
    "anytrack.pulled_conversions": (session, { client, day, runId }) =>
      foldPulled(session, { client, slice: day, runId }, config.anytrack),
    "everflow.daily_stats": (session, { client }) => matchLabels(session, { client }),
  };
}
