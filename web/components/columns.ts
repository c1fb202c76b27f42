import type { Column } from "./table.tsx";

type Rest<Row> = Partial<Column<Row>>;

/** A maker of columns with amounts in one currency, or in that of each row; `rest` is said of all of them. */
export const moneyIn =
  <Row>(currency: string | ((row: Row) => string), rest: Rest<Row> = {}) =>
  (name: string, label: string, value: (row: Row) => string | null, more: Rest<Row> = {}): Column<Row> => ({
    name,
    label,
    kind: "money",
    value,
    currency: typeof currency === "string" ? () => currency : currency,
    ...rest,
    ...more,
  });

/** For exports: on a page a badge shows it. */
export const originColumn: Column<{ origin: string | null }> = {
  name: "origin",
  label: "Origin",
  kind: "text",
  value: (row) => row.origin,
};
