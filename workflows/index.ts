export { backfill } from "./backfill.ts";
export { deliverConversions } from "./deliver-conversions.ts";
export { keepHouse } from "./keep-house.ts";
export { redeliver } from "./redeliver.ts";
export { syncSlice } from "./sync-slice.ts";
export { syncSource } from "./sync-source.ts";
