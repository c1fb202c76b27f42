import { decimalFromMicros, microsFromDecimal, multiplyMicros } from "./decimal.ts";
import { eachDay } from "./civil-day.ts";
import type { DataFault } from "./fault-kinds.ts";
import { FIRST_DAY, completeDay } from "./redtrack-data.ts";
import { dayUntil, spendRow, type SpendRow } from "./redtrack-rows.ts";
import type { DumpQuery, JsonObject, Surroundings } from "./vendor.ts";

/** What is true of a client's days right now: the data, grown as far as the clock is, with the faults that change it. */
export function spendBetween(surroundings: Surroundings, { client, from, to, zone }: DumpQuery): SpendRow[] {
  const lastDay = surroundings.clock.today(zone);
  return eachDay(from > FIRST_DAY ? from : FIRST_DAY, to < lastDay ? to : lastDay).flatMap((day) => {
    const faults = surroundings.dataFaults(client, day);
    const soFar = faults.find((fault) => fault.kind === "so_far")?.share;
    const grown = dayUntil(completeDay(client, day), soFar ?? surroundings.clock.elapsedShare(day, zone));
    return faults.reduce<readonly SpendRow[]>((rows, fault) => restated(rows, fault, client, day), grown);
  });
}

function restated(rows: readonly SpendRow[], fault: DataFault, client: string, day: string): readonly SpendRow[] {
  switch (fault.kind) {
    case "restate":
      return rows.map((row) => (row.sourceId === fault.sourceId ? restatedRow(row, fault) : row));
    case "withdraw":
      return fault.sourceId === undefined ? [] : rows.filter((row) => row.sourceId !== fault.sourceId);
    case "add_row": {
      const source = { id: fault.sourceId, name: fault.sourceName, alias: fault.sourceAlias };
      const { clicks, conversions } = fault;
      return [
        ...rows,
        spendRow(client, day, source, { costMicros: microsFromDecimal(fault.cost), clicks, conversions }),
      ];
    }
    default:
      return rows;
  }
}

function restatedRow(row: SpendRow, change: Extract<DataFault, { kind: "restate" }>): SpendRow {
  let { costMicros } = row;
  if (change.cost !== undefined) costMicros = microsFromDecimal(change.cost);
  if (change.multiply !== undefined) costMicros = multiplyMicros(costMicros, microsFromDecimal(change.multiply));
  if (change.add !== undefined) costMicros += microsFromDecimal(change.add);
  return {
    ...row,
    costMicros,
    clicks: change.clicks ?? row.clicks,
    conversions: change.conversions ?? row.conversions,
  };
}

export function dumpRow(row: SpendRow): JsonObject {
  return {
    date: row.date,
    source_id: row.sourceId,
    source_name: row.sourceName,
    source_alias: row.sourceAlias,
    clicks: row.clicks,
    conversions: row.conversions,
    total_conversions: row.totalConversions,
    cost: decimalFromMicros(row.costMicros),
    revenue: decimalFromMicros(row.revenueMicros),
    total_revenue: decimalFromMicros(row.totalRevenueMicros),
  };
}
