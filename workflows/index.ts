export { backfill } from "./backfill.ts";
export { keepHouse } from "./keep-house.ts";
export { syncSlice } from "./sync-slice.ts";
export { syncSource } from "./sync-source.ts";
export { trackConversion } from "./track-conversion.ts";
export { trackLead } from "./track-conversion.ts";
export { trackSale } from "./track-conversion.ts";
