import { bigquery } from "./bigquery.ts";
import { snowflake } from "./snowflake.ts";
import type { Warehouse } from "./warehouse.ts";

/** Every warehouse that rows of performance are pulled from. */
export const warehouses: readonly Warehouse[] = [bigquery, snowflake];
