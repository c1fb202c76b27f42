export { backfill } from "./backfill.ts";
export { keepHouse } from "./keep-house.ts";
export { syncSlice } from "./sync-slice.ts";
export { syncSource } from "./sync-source.ts";
export { trackConversion, trackLead, trackSale } from "./track-conversion.ts";
