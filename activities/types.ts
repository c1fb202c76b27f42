import type { createSyncActivities } from "./sync.ts";

/** What workflows may call. */
export type SyncActivities = ReturnType<typeof createSyncActivities>;
