import type { ComponentChildren } from "preact";
import { withQuery } from "../shared/web.ts";
import { countText, Moment, moneyText, None } from "./format.tsx";

type Plain = string | number | boolean | Date | null;

/** One column, for the page and for its export alike. */
export interface Column<Row> {
  /** Its name in the JSON answer and in the export. */
  name: string;
  label: string;
  kind: "text" | "money" | "count" | "ratio" | "percent" | "day" | "moment";
  value: (row: Row) => Plain;
  /** What is shown instead of the bare value: a link, a badge. */
  show?: (row: Row) => ComponentChildren;
  /** Why there is no value. */
  why?: (row: Row) => string | null;
  currency?: (row: Row) => string;
  /** Only the page has it: a link, a course over days. No JSON route says the same. */
  isLocal?: boolean;
  isSortable?: boolean;
  /** The sorts that its head leads to, where they have names of their own. */
  sorts?: { up?: string; down?: string };
  /** Sentences: they need width, or a row grows tall. */
  isLong?: boolean;
  /** Left out on narrow screens: what a phone can do without. */
  isExtra?: boolean;
  /** In the export alone: no screen is wide enough. */
  isFileOnly?: boolean;
}

export interface TableProps<Row> {
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  caption: string;
  zone: string;
  /** The address of the page, for links that sort; null for a table that is not sorted. */
  url?: URL;
  sort?: string | null;
  /** What the address calls the sort and the place of this table, where a page has several. */
  names?: { sort: string; cursor: string };
  /** The JSON route that has the same figures, and where in its answer: a test compares them. */
  json?: { url: string; path: string; indexOf?: (row: Row) => number | string } | undefined;
  totals?: readonly Row[];
  empty?: ComponentChildren;
  rowKey?: (row: Row) => string;
}

const isFigure = (kind: Column<unknown>["kind"]) => !["text", "day", "moment"].includes(kind);

export function Table<Row>(props: TableProps<Row>) {
  const { rows, caption, zone, json, totals = [], empty, rowKey } = props;
  const { url, sort = null, names = { sort: "sort", cursor: "cursor" } } = props;
  const columns = props.columns.filter(({ isFileOnly }) => isFileOnly !== true);
  if (rows.length === 0 && empty !== undefined) return <>{empty}</>;
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table data-json={json?.url} data-path={json?.path}>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeadCell key={column.name} column={column} url={url} sort={sort} names={names} />
            ))}
          </tr>
          {totals.map((row, index) => (
            <tr key={index} class="totals">
              {columns.map((column) => (
                <Cell key={column.name} column={column} row={row} zone={zone} isTotal />
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={rowKey?.(row) ?? index} data-row={json === undefined ? undefined : (json.indexOf?.(row) ?? index)}>
              {columns.map((column) => (
                <Cell key={column.name} column={column} row={row} zone={zone} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function classesOf<Row>({ kind, isExtra, isLong }: Column<Row>): string {
  const classes = [
    isFigure(kind) && "figure",
    kind === "day" && "day",
    isExtra === true && "extra",
    isLong === true && "wrap",
  ];
  return classes.filter(Boolean).join(" ");
}

interface HeadProps<Row> {
  column: Column<Row>;
  url: URL | undefined;
  sort: string | null;
  names: { sort: string; cursor: string };
}

function HeadCell<Row>({ column, url, sort, names }: HeadProps<Row>) {
  const { name, label, kind } = column;
  const classes = classesOf(column);
  const { up, down } = column.sorts ?? (column.isSortable === true ? { up: name, down: `-${name}` } : {});
  if (url === undefined || (up === undefined && down === undefined))
    return (
      <th scope="col" class={classes}>
        {label}
      </th>
    );
  // The first look at figures wants the greatest first.
  const [first, second] = isFigure(kind) ? [down ?? up, up ?? down] : [up ?? down, down ?? up];
  const state = sort === up ? "ascending" : sort === down ? "descending" : "none";
  const next = (sort === first ? second : first) ?? null;
  return (
    <th scope="col" class={classes} aria-sort={state}>
      <a href={withQuery(url, { [names.sort]: next, [names.cursor]: null })}>
        {label}
        <span class="order" aria-hidden="true">
          {state === "ascending" ? "▲" : state === "descending" ? "▼" : ""}
        </span>
      </a>
    </th>
  );
}

interface CellProps<Row> {
  column: Column<Row>;
  row: Row;
  zone: string;
  isTotal?: boolean;
}

function Cell<Row>({ column, row, zone, isTotal = false }: CellProps<Row>) {
  const { name, kind } = column;
  const value = column.value(row);
  const raw = value instanceof Date ? value.toISOString() : value === null ? "" : String(value);
  const classes = classesOf(column);
  const content = column.show?.(row) ?? <Shown column={column} row={row} zone={zone} />;
  return isTotal && !isFigure(kind) ? (
    <th scope="row" class={classes}>
      {content}
    </th>
  ) : (
    <td
      class={classes === "" ? undefined : classes}
      data-field={column.isLocal === true ? undefined : name}
      data-value={raw}
    >
      {content}
    </td>
  );
}

function Shown<Row>({ column, row, zone }: Omit<CellProps<Row>, "isTotal">) {
  const value = column.value(row);
  if (value === null || value === "") return <None why={column.why?.(row) ?? null} />;
  if (value instanceof Date) return <Moment at={value} zone={zone} />;
  switch (column.kind) {
    case "money":
      return <>{moneyText(String(value), column.currency?.(row) ?? "USD")}</>;
    case "count":
      return <>{countText(value as number)}</>;
    case "percent":
      return <>{`${String(value)} %`}</>;
    case "ratio":
    case "text":
    case "day":
    case "moment":
      return <>{String(value)}</>;
  }
}

/** Which sorts a page takes: each sortable column, up and down. */
export function sortNames<Row>(columns: readonly Column<Row>[]): string[] {
  return columns.filter((column) => column.isSortable === true).flatMap(({ name }) => [name, `-${name}`]);
}

/** Sorts rows that are all here. What is not known comes last, whichever way round. */
export function sortRows<Row>(columns: readonly Column<Row>[], rows: readonly Row[], sort: string | null): Row[] {
  const column = columns.find(({ name }) => name === sort?.replace(/^-/, ""));
  if (column === undefined || sort === null) return [...rows];
  const direction = sort.startsWith("-") ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [column.value(one), column.value(other)];
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return direction * compare(column.kind, a, b);
  });
}

function compare(kind: Column<unknown>["kind"], a: Exclude<Plain, null>, b: Exclude<Plain, null>): number {
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  return isFigure(kind) ? Number(a) - Number(b) : String(a).localeCompare(String(b), "en", { numeric: true });
}
