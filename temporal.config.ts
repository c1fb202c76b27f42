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

/** Maintenance: late sources, what is older than its retention. */
export const keepHouseEveryMinutes = 10;

/**
 * Deliveries look for conversions the ledger does not know, so they need no word from the sync that brought them:
 * within this many minutes of its end they are on their way, and a sync that never says so loses nothing.
 */
export const deliverEveryMinutes = 10;

/** An alert is on its way to every channel within this many minutes. */
export const deliverAlertsEveryMinutes = 1;

/** A report received while Temporal was away is started within this many minutes. */
export const sweepEveryMinutes = 1;
/** When the sums per creative and campaign are recomputed, by the client's own clock: shortly after its day has begun. */
export const refreshAggregatesAt = { hour: 0, minute: 10 };
/** When an exchange's seats and creatives are listed, by the client's own clock. */
export const syncCreativesAt = { hour: 5, minute: 20 };
/** When pictures of creatives are fetched, by the client's own clock: after they were listed. */
export const fetchThumbnailsAt = { hour: 5, minute: 35 };
/** When creatives are grouped into campaigns, by the client's own clock: after they were listed. */
export const clusterCampaignsAt = { hour: 5, minute: 50 };

/** Opportunities are looked for within so many minutes of an import, and of the end of a client's day. */
export const detectOpportunitiesEveryMinutes = 15;

/** Watched questions are asked within so many minutes of an import, and of the end of a client's day. */
export const askQuestionsEveryMinutes = 15;
/** Double and missing money is looked for within so many minutes of a day becoming final, or being restated. */
export const detectFindingsEveryMinutes = 30;
/** Conversions are held against each other within so many minutes of being stored. */
export const tieOutEveryMinutes = 10;

/** Changed days are mirrored by a run that looks for them for most of so many minutes. */
export const mirrorDaysEveryMinutes = 1;

/** Marks the schedules that are ours to remove when they leave this file. */
export const deployment = "signal-room";

export interface PlannedSchedule {
  scheduleId: string;
  options: Omit<ScheduleOptions, "scheduleId">;
}

/** Every schedule this deployment wants, as data: one per source and client that has a key. When a source is pulled is a field of the source. */
export function plannedSchedules(config: ScheduleSettings): PlannedSchedule[] {
  const delivers = [...config.accounts.values()].some(
    ({ isDestination, secrets }) => isDestination && secrets !== null,
  );
  const planned = [
    ...config.schedules.flatMap((schedule) => syncs(config, schedule)),
    { ...housekeeping, every: keepHouseEveryMinutes },
    { ...telling, every: deliverAlertsEveryMinutes },
    { ...sweeping, every: sweepEveryMinutes },
    ...(config.clickhouse === null ? [] : [{ ...mirroring, every: mirrorDaysEveryMinutes }]),
    ...(delivers ? [{ ...delivering, every: deliverEveryMinutes }] : []),
    ...config.clients.map((client) => refreshing(config, client)),
    ...config.clients
      .filter((client) => config.accounts.get(`authorized_buyers/${client}`)?.secrets != null)
      .map((client) => cataloguing(config, client)),
    ...config.clients
      .filter((client) => config.thumbnails.consenting.has(client))
      .map((client) => picturing(config, client)),
    ...config.clients.filter((client) => clustersDaily(config, client)).map((client) => clustering(config, client)),
    ...config.clients.map((client) => ({ ...advising(client), every: detectOpportunitiesEveryMinutes })),
    ...config.clients.map((client) => ({ ...asking(client), every: askQuestionsEveryMinutes })),
    ...config.clients.map((client) => ({ ...tallying(client), every: detectFindingsEveryMinutes })),
    ...config.clients.map((client) => ({ ...tyingOut(client), every: tieOutEveryMinutes })),
    ...(config.ingest.watchMinutes === null ? [] : [{ ...watching, every: config.ingest.watchMinutes }]),
  ];
  return planned.map((one) => scheduled(config, one));
}

type ScheduleSettings = Pick<
  Config,
  | "clients"
  | "accounts"
  | "schedules"
  | "queuePrefix"
  | "searchAttributes"
  | "ingest"
  | "clickhouse"
  | "clusters"
  | "thumbnails"
>;

/** One schedule, in the words that differ from schedule to schedule. */
interface Planned {
  /** Also the id of its workflows. */
  id: string;
  workflowType: string;
  args: unknown[];
  summary: string;
  /** Minutes between two starts; or the hours of a calendar. */
  every?: number;
  calendar?: ScheduleOptions["spec"];
  overlap: "SKIP" | "BUFFER_ONE";
  catchupWindow: "1 minute" | "10 minutes" | "1 day";
  workflowRunTimeout?: "2 minutes";
}

const housekeeping: Planned = {
  id: "keep-house",
  workflowType: "keepHouse",
  args: [],
  summary: "late sources, retention",
  overlap: "SKIP",
  catchupWindow: "10 minutes",
};

/** What a run sends follows from the tables: one that is skipped is made up by the next. */
const telling: Planned = {
  id: "deliver-alerts",
  workflowType: "deliverAlerts",
  args: [],
  summary: "alerts and digests to people",
  overlap: "SKIP",
  catchupWindow: "1 minute",
  workflowRunTimeout: "2 minutes",
};

/** What a sweep starts follows from the table: one that is skipped is made up by the next. */
const sweeping: Planned = {
  id: "sweep-reports",
  workflowType: "sweepReports",
  args: [],
  summary: "reports that were not started",
  overlap: "SKIP",
  catchupWindow: "1 minute",
  // One that hangs must not keep the next from its turn; what it did not start, that one does.
  workflowRunTimeout: "2 minutes",
};

/** What a run copies follows from the marks: one that is skipped is made up by the next. */
const mirroring: Planned = {
  id: "mirror-days",
  workflowType: "mirrorDays",
  args: [],
  summary: "changed days to ClickHouse",
  overlap: "SKIP",
  catchupWindow: "1 minute",
};

/** What a run sends follows from the ledger: one that is skipped is made up by the next. */
const delivering: Planned = {
  id: "deliver-conversions",
  workflowType: "deliverConversions",
  args: [{}],
  summary: "new conversions out to every destination",
  overlap: "SKIP",
  catchupWindow: "10 minutes",
};

/** What a run takes follows from what is there: one that is skipped is made up by the next. */
const watching: Planned = {
  id: "watch-files",
  workflowType: "watchFiles",
  args: [],
  summary: "new files in the import folder, among the uploads and at S3",
  overlap: "SKIP",
  catchupWindow: "10 minutes",
};

function refreshing({ ingest }: ScheduleSettings, client: string): Planned {
  return {
    id: `refresh-aggregates/${client}`,
    workflowType: "refreshAggregates",
    args: [{ client }],
    summary: `sums per creative and campaign, client ${client}`,
    calendar: {
      calendars: [{ ...refreshAggregatesAt, comment: "the windows of 1, 7 and 30 days move on with the day" }],
      timezone: ingest.clients.get(client)?.timezone ?? "UTC",
    },
    overlap: "SKIP",
    catchupWindow: "1 day",
  };
}

/** Once a day: the exchange's quota is not published, and creatives change slowly. */
function cataloguing({ ingest }: ScheduleSettings, client: string): Planned {
  return {
    id: `sync-creatives/${client}`,
    workflowType: "syncCreatives",
    args: [{ client }],
    summary: `seats and creatives of Authorized Buyers, client ${client}`,
    calendar: {
      calendars: [{ ...syncCreativesAt, comment: "before people come" }],
      timezone: ingest.clients.get(client)?.timezone ?? "UTC",
    },
    overlap: "SKIP",
    catchupWindow: "1 day",
  };
}

/** What a run fetches follows from the creatives that are there: one that is skipped is made up by the next. */
function picturing({ ingest }: ScheduleSettings, client: string): Planned {
  return {
    id: `fetch-thumbnails/${client}`,
    workflowType: "fetchThumbnails",
    args: [{ client }],
    summary: `pictures of creatives, client ${client}`,
    calendar: {
      calendars: [{ ...fetchThumbnailsAt, comment: "after the creatives were listed" }],
      timezone: ingest.clients.get(client)?.timezone ?? "UTC",
    },
    overlap: "SKIP",
    catchupWindow: "1 day",
  };
}

/** Where nothing is set: as there is a list of creatives that changes. */
function clustersDaily({ accounts, clusters }: ScheduleSettings, client: string): boolean {
  return clusters.get(client)?.daily ?? accounts.get(`authorized_buyers/${client}`)?.secrets != null;
}

/** What a run does follows from the creatives that are there: one that is skipped is made up by the next. */
function clustering({ ingest }: ScheduleSettings, client: string): Planned {
  return {
    id: `cluster-campaigns/${client}`,
    workflowType: "clusterCampaigns",
    args: [{ client }],
    summary: `campaigns of creatives, client ${client}`,
    calendar: {
      calendars: [{ ...clusterCampaignsAt, comment: "after the creatives were listed" }],
      timezone: ingest.clients.get(client)?.timezone ?? "UTC",
    },
    overlap: "SKIP",
    catchupWindow: "1 day",
  };
}

/** It notices by itself that files have landed or a day has ended; else it does nothing. */
const advising = (client: string): Planned => ({
  id: `detect-opportunities/${client}`,
  workflowType: "detectOpportunities",
  args: [{ client, onlyIfChanged: true }],
  summary: `opportunities, client ${client}`,
  overlap: "SKIP",
  catchupWindow: "1 minute",
});

/** It notices by itself what has not been asked of the records and the day yet; else it does nothing. */
const asking = (client: string): Planned => ({
  id: `ask-questions/${client}`,
  workflowType: "askQuestions",
  args: [{ client, onlyIfChanged: true }],
  summary: `watched questions, client ${client}`,
  overlap: "SKIP",
  catchupWindow: "1 minute",
});

/** It notices by itself that days are final or were restated; else it does nothing. */
const tallying = (client: string): Planned => ({
  id: `detect-findings/${client}`,
  workflowType: "detectFindings",
  args: [{ client, onlyIfChanged: true }],
  summary: `double and missing money, client ${client}`,
  overlap: "SKIP",
  catchupWindow: "1 minute",
});

/** Days that have not changed are not compared again. */
const tyingOut = (client: string): Planned => ({
  id: `tie-out/${client}`,
  workflowType: "tieOut",
  args: [{ client }],
  summary: `Redtrack, AnyTrack and Everflow side by side, client ${client}`,
  overlap: "SKIP",
  catchupWindow: "1 minute",
});

function syncs({ clients, accounts }: ScheduleSettings, schedule: Config["schedules"][number]): Planned[] {
  const { source, vendor, timezone, hours, minute, comment } = schedule;
  return clients
    .filter((client) => accounts.get(`${vendor}/${client}`)?.secrets != null)
    .map((client) => ({
      id: `sync/${source}/${client}`,
      workflowType: "syncSource",
      args: [{ source, client }],
      summary: `${source}, client ${client}`,
      calendar: { calendars: [{ hour: { start: hours.from, end: hours.to }, minute, comment }], timezone },
      // A slow run is followed by one more, not by all it held up; what a run pulls follows from the ledger, so one is enough.
      overlap: "BUFFER_ONE",
      catchupWindow: "1 day",
    }));
}

function scheduled({ queuePrefix, searchAttributes }: ScheduleSettings, planned: Planned): PlannedSchedule {
  const { workflowType, args, workflowRunTimeout, every, calendar = {}, overlap, catchupWindow } = planned;
  const scheduleId = `${queuePrefix}${planned.id}`;
  return {
    scheduleId,
    options: {
      spec: every === undefined ? calendar : { intervals: [{ every: `${every} minutes` }] },
      action: {
        type: "startWorkflow",
        workflowType,
        workflowId: scheduleId,
        taskQueue: queuePrefix + mainQueue,
        args,
        staticSummary: planned.summary,
        ...(workflowRunTimeout === undefined ? {} : { workflowRunTimeout }),
        ...(searchAttributes ? {} : { memo: { searchAttributes: "off" } }),
      },
      policies: { overlap, catchupWindow, pauseOnFailure: false },
      memo: { deployment: queuePrefix + deployment },
    },
  };
}
