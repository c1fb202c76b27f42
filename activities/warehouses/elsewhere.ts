import { warehouses } from "../../connectors/warehouses/registry.ts";
import { settingsOf } from "../files/input.ts";
import type { Elsewhere } from "../sync/context.ts";
import type { WarehousesContext } from "./context.ts";
import { previewDay } from "./preview-day.ts";
import { pullDay } from "./pull-day.ts";

/** How the days of warehouses are pulled: as slices like any other, their rows stored as those of files are. */
export function warehouseFeeds(context: WarehousesContext): Elsewhere[] {
  return warehouses.map((warehouse) => ({
    feed: warehouse,
    pull: (input) => pullDay(context, warehouse, input),
    preview: (input) => previewDay(context, warehouse, input),
    firstDay: (client) => settingsOf(context.config, client).owner?.from ?? null,
  }));
}
