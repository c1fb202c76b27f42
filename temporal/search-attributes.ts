import type { Connection } from "@temporalio/client";
import protos from "@temporalio/proto";
import { searchAttributes } from "../temporal.config.ts";

const { IndexedValueType } = protos.temporal.api.enums.v1;
const types = { Keyword: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD } as const;

/** The search attributes of ours that a namespace does not know yet. */
export async function missingSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return Object.keys(searchAttributes).filter((name) => !(name in customAttributes));
}

/** Registers what is missing, and says what that was. Temporal Cloud refuses this to workers: there a person adds them, or SEARCH_ATTRIBUTES=off goes without. */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length > 0) {
    const named = Object.entries(searchAttributes).filter(([name]) => missing.includes(name));
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(named.map(([name, type]) => [name, types[type]])),
    });
  }
  return missing;
}
