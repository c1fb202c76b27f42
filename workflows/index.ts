export { backfill } from "./backfill.ts";
export { syncSlice } from "./sync-slice.ts";
export { syncSource } from "./sync-source.ts";
