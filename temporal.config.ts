import type { ScheduleOptions } from "@temporalio/client";
import type { Config } from "./settings/config.ts";

/** Workflows, and the activities that need only Postgres, run here. */
export const mainQueue = "signal-room";

/** Work with files: its worker has to see the import folder, and a large file fills only this. */
export const ingestQueue = "ingest";

/** One queue per vendor: a vendor that is down fills only its own, and stopping its worker pauses only that vendor. */
export const vendorQueue = (vendor: string) => `vendor-${vendor}`;

/** How closed workflows are found again: registered at start, shown as columns in the UI. */
export const searchAttributes = {
  ClientId: "Keyword",
  Source: "Keyword",
  SliceDay: "Keyword",
  Outcome: "Keyword",
} as const;

/** How long Temporal keeps closed workflows. What matters longer lies in the `ops` tables. */
export const retentionDays = 30;

/** Maintenance: late sources, alerts to send, what is older than its retention. */
export const keepHouseEveryMinutes = 10;

/**
 * Deliveries look for conversions the ledger does not know, so they need no word from the sync that brought them:
 * within this many minutes of its end they are on their way, and a sync that never says so loses nothing.
 */
export const deliverEveryMinutes = 10;

/** A report received while Temporal was away is started within this many minutes. */
export const sweepEveryMinutes = 1;
/** When the sums per creative and campaign are recomputed, by the client's own clock: shortly after its day has begun. */
export const refreshAggregatesAt = { hour: 0, minute: 10 };

/** Marks the schedules that are ours to remove when they leave this file. */
export const deployment = "signal-room";

export interface PlannedSchedule {
  scheduleId: string;
  options: Omit<ScheduleOptions, "scheduleId">;
}

/** Every schedule this deployment wants, as data: one per source and client that has a key. When a source is pulled is a field of the source. */
export function plannedSchedules(
  config: Pick<Config, "clients" | "accounts" | "schedules" | "queuePrefix" | "searchAttributes" | "ingest">,
): PlannedSchedule[] {
  const taskQueue = config.queuePrefix + mainQueue;
  const memo = { deployment: config.queuePrefix + deployment };
  const startMemo = config.searchAttributes ? {} : { memo: { searchAttributes: "off" } };
  const syncs = config.schedules.flatMap((schedule) =>
    config.clients
      .filter((client) => config.accounts.get(`${schedule.source.split(".")[0]}/${client}`)?.secrets != null)
      .map((client): PlannedSchedule => {
        const scheduleId = `${config.queuePrefix}sync/${schedule.source}/${client}`;
        return {
          scheduleId,
          options: {
            spec: {
              calendars: [
                {
                  hour: { start: schedule.hours.from, end: schedule.hours.to },
                  minute: schedule.minute,
                  comment: schedule.comment,
                },
              ],
              timezone: schedule.timezone,
            },
            action: {
              type: "startWorkflow",
              workflowType: "syncSource",
              workflowId: scheduleId,
              taskQueue,
              args: [{ source: schedule.source, client }],
              staticSummary: `${schedule.source}, client ${client}`,
              ...startMemo,
            },
            // A slow run is followed by one more, not by all it held up; what a run pulls follows from the ledger, so one is enough.
            policies: { overlap: "BUFFER_ONE", catchupWindow: "1 day", pauseOnFailure: false },
            memo,
          },
        };
      }),
  );
  const maintenance: PlannedSchedule = {
    scheduleId: `${config.queuePrefix}keep-house`,
    options: {
      spec: { intervals: [{ every: `${keepHouseEveryMinutes} minutes` }] },
      action: {
        type: "startWorkflow",
        workflowType: "keepHouse",
        workflowId: `${config.queuePrefix}keep-house`,
        taskQueue,
        args: [],
        staticSummary: "late sources, alerts to send, retention",
        ...startMemo,
      },
      policies: { overlap: "SKIP", catchupWindow: "10 minutes", pauseOnFailure: false },
      memo,
    },
  };
  const deliver: PlannedSchedule = {
    scheduleId: `${config.queuePrefix}deliver-conversions`,
    options: {
      spec: { intervals: [{ every: `${deliverEveryMinutes} minutes` }] },
      action: {
        type: "startWorkflow",
        workflowType: "deliverConversions",
        workflowId: `${config.queuePrefix}deliver-conversions`,
        taskQueue,
        args: [{}],
        staticSummary: "new conversions out to every destination",
        ...startMemo,
      },
      // What a run sends follows from the ledger: one that is skipped is made up by the next.
      policies: { overlap: "SKIP", catchupWindow: "10 minutes", pauseOnFailure: false },
      memo,
    },
  };
  const sweep: PlannedSchedule = {
    scheduleId: `${config.queuePrefix}sweep-reports`,
    options: {
      spec: { intervals: [{ every: `${sweepEveryMinutes} minutes` }] },
      action: {
        type: "startWorkflow",
        workflowType: "sweepReports",
        workflowId: `${config.queuePrefix}sweep-reports`,
        taskQueue,
        args: [],
        staticSummary: "reports that were not started",
        // One that hangs must not keep the next from its turn; what it did not start, that one does.
        workflowRunTimeout: "2 minutes",
        ...startMemo,
      },
      // What a sweep starts follows from the table: one that is skipped is made up by the next.
      policies: { overlap: "SKIP", catchupWindow: "1 minute", pauseOnFailure: false },
      memo,
    },
  };
  const delivers = [...config.accounts.values()].some(
    ({ isDestination, secrets }) => isDestination && secrets !== null,
  );
  const refreshes = config.clients.map((client): PlannedSchedule => ({
    scheduleId: `${config.queuePrefix}refresh-aggregates/${client}`,
    options: {
      spec: {
        calendars: [{ ...refreshAggregatesAt, comment: "the windows of 1, 7 and 30 days move on with the day" }],
        timezone: config.ingest.clients.get(client)?.timezone ?? "UTC",
      },
      action: {
        type: "startWorkflow",
        workflowType: "refreshAggregates",
        workflowId: `${config.queuePrefix}refresh-aggregates/${client}`,
        taskQueue,
        args: [{ client }],
        staticSummary: `sums per creative and campaign, client ${client}`,
        ...startMemo,
      },
      policies: { overlap: "SKIP", catchupWindow: "1 day", pauseOnFailure: false },
      memo,
    },
  }));
  const watch: PlannedSchedule = {
    scheduleId: `${config.queuePrefix}watch-files`,
    options: {
      spec: { intervals: [{ every: `${config.ingest.watchMinutes ?? 5} minutes` }] },
      action: {
        type: "startWorkflow",
        workflowType: "watchFiles",
        workflowId: `${config.queuePrefix}watch-files`,
        taskQueue,
        args: [],
        staticSummary: "new files in the import folder, among the uploads and at S3",
        ...startMemo,
      },
      // What a run takes follows from what is there: one that is skipped is made up by the next.
      policies: { overlap: "SKIP", catchupWindow: "10 minutes", pauseOnFailure: false },
      memo,
    },
  };
  return [
    ...syncs,
    maintenance,
    sweep,
    ...(delivers ? [deliver] : []),
    ...refreshes,
    ...(config.ingest.watchMinutes === null ? [] : [watch]),
  ];
}
