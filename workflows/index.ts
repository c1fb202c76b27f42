export { backfill } from "./backfill.ts";
export { deliverConversions, redeliver } from "./deliver-conversions.ts";
export { keepHouse } from "./keep-house.ts";
export { syncSlice } from "./sync-slice.ts";
export { syncSource } from "./sync-source.ts";
