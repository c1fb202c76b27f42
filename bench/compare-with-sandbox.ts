import { sumMoney } from "../core/money.ts";
import type { BenchStack } from "./stack.ts";

export interface Difference {
  day: string;
  sourceId: string;
  stored: string | null;
  vendor: string | null;
}

export interface Comparison {
  rows: number;
  differences: Difference[];
  costStored: string;
  costVendor: string;
}

/** The stored table against the sandbox's own data, row by row, decimals as exact text. */
export async function compareWithSandbox(stack: BenchStack, from: string, to: string): Promise<Comparison> {
  const dump = (await stack.control("GET", `/dump?vendor=redtrack&client=713&from=${from}&to=${to}`)) as Record<
    string,
    string | number
  >[];
  const line = (row: Record<string, unknown>) =>
    [
      row["source_name"],
      row["source_alias"],
      row["clicks"],
      row["conversions"],
      row["total_conversions"],
      decimal(row["cost"]),
      decimal(row["revenue"]),
      decimal(row["total_revenue"]),
    ].join("|");
  const key = (row: Record<string, unknown>) => `${String(row["date"])} ${String(row["source_id"])}`;
  const vendor = new Map(dump.filter((row) => row["source_id"] !== "").map((row) => [key(row), line(row)]));
  const { rows } = await stack.database.query<Record<string, unknown>>(
    "select * from redtrack.daily_spend where _client_id = '713' and date between $1 and $2",
    [from, to],
  );
  const stored = new Map(rows.map((row) => [key(row), line(row)]));
  const differences = [...new Set([...vendor.keys(), ...stored.keys()])].sort().flatMap((name) => {
    const [day = "", sourceId = ""] = name.split(" ");
    return vendor.get(name) === stored.get(name)
      ? []
      : [{ day, sourceId, stored: stored.get(name) ?? null, vendor: vendor.get(name) ?? null }];
  });
  const costOf = (list: readonly Record<string, unknown>[]) => sumMoney(list.map((row) => String(row["cost"] ?? "0")));
  return {
    rows: rows.length,
    differences,
    costStored: decimal(costOf(rows)),
    costVendor: decimal(costOf(dump.filter((row) => row["source_id"] !== ""))),
  };
}

function decimal(value: unknown): string {
  const text = String(value ?? "");
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
