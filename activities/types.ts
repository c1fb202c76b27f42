import type { createDeliverActivities } from "./conversions/deliver.ts";
import type { createAnytrackActivities } from "./conversions/anytrack.ts";
import type { createDiscordActivities } from "./recon/discord.ts";
import type { createMaintenanceActivities } from "./ops/maintenance.ts";
import type { createTellingActivities } from "./ops/telling.ts";
import type { createReconcileActivities } from "./recon/reconcile-activities.ts";
import type { createIngestActivities } from "./files/ingest.ts";
import type { createSyncActivities } from "./sync/sync.ts";

/** What workflows may call. */
export type SyncActivities = ReturnType<typeof createSyncActivities>;
export type MaintenanceActivities = ReturnType<typeof createMaintenanceActivities>;
export type TellingActivities = ReturnType<typeof createTellingActivities>;
export type DeliverActivities = ReturnType<typeof createDeliverActivities>;
export type AnytrackActivities = ReturnType<typeof createAnytrackActivities>;
export type DiscordActivities = ReturnType<typeof createDiscordActivities>;
export type ReconcileActivities = ReturnType<typeof createReconcileActivities>;
export type IngestActivities = ReturnType<typeof createIngestActivities>;
