import { readAccounts, type Account, type VendorSettings } from "./accounts.ts";
import { readAlerts, type Retention, type Telling } from "./alerts.ts";
import { readAnytrackSettings, type AnytrackSettings } from "./anytrack.ts";
import { readApi, type ApiAccess } from "./api.ts";
import { readAssistants, type AssistantSettings } from "./assistants.ts";
import { readClusterSettings, type ClustersByClient } from "./clusters.ts";
import { readClickhouseSettings, type ClickhouseSettings } from "./clickhouse.ts";
import { readDiscordSettings, type DiscordConfig } from "./discord.ts";
import { readIngestSettings, type IngestSettings } from "./files.ts";
import { readGeneral, type GeneralSettings } from "./general.ts";
import { readKeys, type Keys } from "./keys.ts";
import { readPretargetingSettings, type PretargetingSettings } from "./pretargeting.ts";
import { readPromoSettings, type PromoSettings } from "./promo.ts";
import { SettingsReader } from "./reader.ts";
import { readReconSettings, type ReconSettings } from "./recon.ts";
import { readSandboxUrl } from "./sandbox.ts";
import type { Env } from "./shapes.ts";
import { readStreamSettings, type StreamSettings } from "./streams.ts";
import { readTemporal, type TemporalSettings } from "./temporal.ts";
import { readThumbnailSettings, type ThumbnailSettings } from "./thumbnails.ts";
import { readWindows, readZones, zoneOfFeed, type SourceSettings, type SyncSchedule, type Window } from "./windows.ts";
import { readWorker, type WorkerSettings } from "./worker.ts";

export type { Account, Pace, VendorSettings } from "./accounts.ts";
export { ConfigError } from "./reader.ts";
export type { Schedule, SourceSettings, SyncSchedule, Window } from "./windows.ts";

export interface Config extends Keys, GeneralSettings, TemporalSettings {
  clients: string[];
  accounts: Map<string, Account>;
  windows: Map<string, Window>;
  /** Of feeds whose zone is a setting. */
  zones: Map<string, string>;
  /** One for each feed; of those that are optional, for each that somebody has a key of. */
  schedules: SyncSchedule[];
  worker: WorkerSettings;
  api: ApiAccess;
  assistants: AssistantSettings;
  /** Conversions up to this old are delivered by themselves. */
  deliveryLookbackDays: number;
  alertWebhookUrl: string | null;
  telling: Telling;
  /** The share of a day's rows, 0 to 100, that an answer may lose at once and still be believed. */
  mostWithdrawnPercent: number;
  retention: Retention;
  /** Where the mock servers are, for a platform that is switched to its own. */
  sandboxUrl: string;
  anytrack: AnytrackSettings;
  /** Null: Postgres answers everything. */
  clickhouse: ClickhouseSettings | null;
  discord: DiscordConfig;
  recon: ReconSettings;
  promo: PromoSettings;
  /** How creatives are grouped into campaigns, by client. */
  clusters: ClustersByClient;
  thumbnails: ThumbnailSettings;
  pretargeting: PretargetingSettings;
  /** Submissions that one affiliate's key may send a minute. */
  submissionsPerMinute: number;
  ingest: IngestSettings;
  streams: StreamSettings;
  /** Every value that must never be printed. */
  secrets: string[];
}

/**
 * Reads every setting once. Vendor settings may carry a client's suffix: `REDTRACK_API_KEY_ACME`. Keys without a
 * suffix belong to the first client alone; addresses and paces without one hold for all.
 */
export function loadConfig(env: Env, vendors: readonly VendorSettings[], sources: readonly SourceSettings[]): Config {
  const reader = new SettingsReader(env);
  const http = readApi(reader);
  const accounts = readAccounts(reader, vendors);
  const zones = readZones(reader, sources);
  const hasKey = (vendor: string) =>
    reader.clients.some((client) => accounts.get(`${vendor}/${client}`)?.secrets != null);
  const config = {
    ...readGeneral(reader),
    ...readTemporal(reader),
    ...http,
    ...readKeys(reader),
    ...readWorker(reader),
    ...readAlerts(reader),
    clients: [...reader.clients],
    accounts,
    windows: readWindows(reader, sources),
    zones,
    schedules: sources
      .filter(({ vendor, isOptional }) => isOptional !== true || hasKey(vendor.name))
      .map((feed) => ({
        source: feed.name,
        vendor: feed.vendor.name,
        timezone: zoneOfFeed({ zones }, feed),
        ...feed.schedule,
      })),
    assistants: readAssistants(reader, http.api),
    sandboxUrl: readSandboxUrl(reader),
    anytrack: readAnytrackSettings(reader),
    clickhouse: readClickhouseSettings(reader),
    discord: readDiscordSettings(reader),
    recon: readReconSettings(reader),
    promo: readPromoSettings(reader),
    clusters: readClusterSettings(reader),
    thumbnails: readThumbnailSettings(reader),
    pretargeting: readPretargetingSettings(reader),
    ingest: readIngestSettings(reader),
    streams: readStreamSettings(reader),
  };
  reader.throwProblems();
  return { ...config, secrets: [...reader.secrets].filter((secret) => secret !== "") };
}
