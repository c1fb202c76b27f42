import { parseMoney, subtractMoney } from "../../core/money.ts";

type Values = Record<string, unknown> | null;

/** Is this an amount as the ledger writes it? */
export const isAmount = (value: unknown): value is string =>
  typeof value === "string" && /^-?\d+\.\d+$/.test(value) && parseMoney(value) !== null;

/** What a row's first amount changed by, of spend its cost; null where it has none. What was not there counts as nothing. */
export function changedAmount(row: { old: Values; new: Values }): string | null {
  const name = ["cost", "payout", "revenue"].find((one) => isAmount(row.new?.[one]) || isAmount(row.old?.[one]));
  if (name === undefined) return null;
  const amount = (values: Values) => {
    const value = values?.[name];
    return isAmount(value) ? value : "0";
  };
  return subtractMoney(amount(row.new), amount(row.old));
}
