import type { createDeliverActivities } from "./deliver.ts";
import type { createAnytrackActivities } from "./anytrack.ts";
import type { createDiscordActivities } from "./discord.ts";
import type { createHouseActivities } from "./house.ts";
import type { createReconcileActivities } from "./reconcile.ts";
import type { createIngestActivities } from "./ingest.ts";
import type { createSyncActivities } from "./sync.ts";

/** What workflows may call. */
export type SyncActivities = ReturnType<typeof createSyncActivities>;
export type HouseActivities = ReturnType<typeof createHouseActivities>;
export type DeliverActivities = ReturnType<typeof createDeliverActivities>;
export type AnytrackActivities = ReturnType<typeof createAnytrackActivities>;
export type DiscordActivities = ReturnType<typeof createDiscordActivities>;
export type ReconcileActivities = ReturnType<typeof createReconcileActivities>;
export type IngestActivities = ReturnType<typeof createIngestActivities>;
