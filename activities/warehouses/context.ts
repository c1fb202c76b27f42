import type { Account, Config } from "../../settings/config.ts";
import { zoneOfFeed } from "../../settings/windows.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import type { Warehouse } from "../../connectors/warehouses/warehouse.ts";
import type { Redact } from "../../core/redact.ts";
import type { Database } from "../../schema/database.ts";
import { settingsOf } from "../files/input.ts";
import type { RateGate } from "../shared/rate-gate.ts";
import { checkedElsewhere } from "../sync/context.ts";
import type { PullSliceInput } from "../sync/shapes.ts";

/** What the activities of warehouses need. */
export interface WarehousesContext {
  database: Database;
  config: Config;
  gate: RateGate;
  redact: Redact;
}

/** One day that a client's warehouse is to be asked for. */
export interface AskedFor {
  warehouse: Warehouse;
  account: Account;
  day: string;
  zone: string;
}

/** The same for a pull, or for what one would do. */
export interface WarehouseDay extends AskedFor {
  runId: string;
  acceptEmpty: boolean;
}

/** Checks what a workflow sent. Days of another owner are asked for by nobody: one of both would overwrite the other. */
export function checkedDay({ config }: WarehousesContext, warehouse: Warehouse, input: PullSliceInput): WarehouseDay {
  const { account, day, runId, acceptEmpty = false } = checkedElsewhere({ config }, warehouse, input);
  return { warehouse, account, day, zone: zoneOfFeed(config, warehouse), runId, acceptEmpty };
}

export function refuseUnowned({ config }: WarehousesContext, { warehouse, account, day }: AskedFor): void {
  const { owner } = settingsOf(config, account.client);
  const { name } = warehouse.vendor;
  if (owner?.vendor !== name)
    throw new ConnectorError(
      "rejected",
      `ad performance of client ${account.client} comes from ${owner?.vendor ?? "files"}: set RTB_PERFORMANCE_OWNER=${name} to take it from here`,
    );
  if (owner.from !== null && day < owner.from)
    throw new ConnectorError("rejected", `days before ${owner.from} are those of files (RTB_PERFORMANCE_OWNED_FROM)`);
}
