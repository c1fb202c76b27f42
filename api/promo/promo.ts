import type { Api, ServerParts } from "../server/parts.ts";
import { analyticsRoutes } from "./analytics.ts";
import { offerRoutes } from "./offers.ts";
import { selectRoutes } from "./select.ts";
import { variationRoutes } from "./variations.ts";

/** Promotional offers: what is shown, and what works. */
export function promoRoutes(api: Api, parts: ServerParts): void {
  selectRoutes(api, parts);
  offerRoutes(api, parts);
  variationRoutes(api, parts);
  analyticsRoutes(api, parts);
}
