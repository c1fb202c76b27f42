import type { Api, ServerParts } from "../server/parts.ts";
import { closingRoutes } from "./closing.ts";
import { statementRoutes } from "./statements.ts";

/** What affiliates are owed, month by month. */
export function payoutRoutes(api: Api, parts: ServerParts): void {
  statementRoutes(api, parts);
  closingRoutes(api, parts);
}
