import type { ServerParts } from "./parts.ts";

/** The time zone of a client, whose days its pages and lists go by. */
export const zoneOf = ({ config }: Pick<ServerParts, "config">, client: string): string =>
  config.ingest.clients.get(client)?.timezone ?? "America/New_York";

/** What a client's ad performance is paid in. */
export const currencyOf = ({ config }: Pick<ServerParts, "config">, client: string): string =>
  config.ingest.clients.get(client)?.currency ?? "USD";
