import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { endOfDay, startOfDay } from "../../core/days.ts";
import { ConnectorError } from "../errors.ts";

/** What splits rows. */
export const dimensions = [
  "creative_id",
  "buyer_id",
  "date",
  "hour",
  "geography",
  "device_type",
  "placement",
  "currency",
] as const;
export const measures = ["impressions", "clicks", "spend"] as const;

/** Names that columns of a result may have, in the order in which they are written down. */
export const fields = [...dimensions, ...measures];
export type Field = (typeof fields)[number];
export const neededFields: readonly Field[] = ["creative_id", "date", ...measures];

/** How a warehouse writes what it is asked. */
export interface Dialect {
  table(name: string): string;
  column(name: string): string;
  /** In place of a value, which travels beside the text. */
  bound(name: BoundName): string;
}

export const boundNames = ["day", "day_start", "day_end"] as const;
export type BoundName = (typeof boundNames)[number];

export interface Statement {
  text: string;
  /** In the order in which the text names them, each as often as it does. */
  bound: { name: BoundName; value: string }[];
}

/** What quotes and comments hold is no name of a value. */
const parts =
  /'(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$\$[\s\S]*?\$\$|--[^\n]*|\/\*[\s\S]*?\*\/|@(day_start|day_end|day)\b|;/g;
const plainName = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const standardColumns = "creative_id,date,impressions,clicks,spend,geography,device_type";

/** What is asked of a warehouse: a table and what its columns mean, or a query. */
export function questionShape(prefix: string, { table, example }: { table: RegExp; example: string }) {
  return {
    [`${prefix}_TABLE`]: z
      .string()
      .regex(table, `must be written as ${example}`)
      .optional()
      .meta(about("The table or view that holds the rows.", { clients: "own", example })),
    [`${prefix}_COLUMNS`]: z
      .string()
      .refine((text) => columnsOf(text) !== null, `must be fields and columns, such as ${standardColumns}`)
      .default(standardColumns)
      .meta(
        about(
          `What its columns mean: \`field=column\`, separated by commas, or the field alone where the column has its name. Fields are ${fields.join(", ")}.`,
          { clients: "own", example: "creative_id=creative,date=day,impressions,clicks,spend=cost,geography=country" },
        ),
      ),
    [`${prefix}_QUERY`]: z
      .string()
      .refine(isOneQuery, "must be one SELECT that names @day, or @day_start and @day_end, and no second statement")
      .optional()
      .meta(
        about(
          "A query of your own in place of table and columns. Its columns are named as the fields are, and it is about one day: @day, or the moments @day_start and @day_end.",
          { clients: "own" },
        ),
      ),
    [`${prefix}_MAX_BYTES`]: z
      .string()
      .regex(/^[1-9]\d{0,17}$/, "must be a whole number, at least 1")
      .default("10737418240")
      .meta(about("A query that would read more is not run, and costs nothing.", { clients: "shared", unit: "bytes" })),
  };
}

/** One query about one day. Scripts have no honest estimate of what they read. */
function isOneQuery(text: string): boolean {
  const bare = text.replaceAll(parts, (part) => (/^(?:--|\/\*)/.test(part) ? " " : part)).trim();
  const found = [...bare.matchAll(parts)];
  const names = found.flatMap(([, name]) => name ?? []);
  const isAboutDay = names.includes("day") || (names.includes("day_start") && names.includes("day_end"));
  const isSingle = found.every(([part], index) => part !== ";" || (index === found.length - 1 && bare.endsWith(";")));
  return isAboutDay && isSingle && /^(?:select|with)\b/i.test(bare);
}

/** By field the column; null where the text says something else. */
function columnsOf(text: string): Map<Field, string> | null {
  const columns = new Map<Field, string>();
  for (const pair of text.split(",")) {
    const [field = "", column = field, ...more] = pair.split("=").map((part) => part.trim());
    if (!(fields as string[]).includes(field) || columns.has(field as Field)) return null;
    if (more.length > 0 || !plainName.test(column)) return null;
    columns.set(field as Field, column);
  }
  return neededFields.every((field) => columns.has(field)) ? columns : null;
}

/** The question of one day, as the settings of an account have it. */
export function statementOf(
  prefix: string,
  dialect: Dialect,
  { settings, day, zone }: { settings: Record<string, string>; day: string; zone: string },
): Statement {
  const { [`${prefix}_TABLE`]: table, [`${prefix}_QUERY`]: query, [`${prefix}_COLUMNS`]: columns = "" } = settings;
  if (query !== undefined && table !== undefined)
    throw new ConnectorError("rejected", `set one of ${prefix}_TABLE and ${prefix}_QUERY, not both`);
  if (query === undefined && table === undefined)
    throw new ConnectorError("rejected", `nothing says what to ask: set ${prefix}_TABLE or ${prefix}_QUERY`);
  const text = query?.trim().replace(/;$/, "") ?? queryOf(dialect, table ?? "", columnsOf(columns) ?? new Map());
  const values = {
    day,
    day_start: startOfDay(day, zone).toISOString(),
    day_end: endOfDay(day, zone).toISOString(),
  };
  const bound: Statement["bound"] = [];
  const written = text.replaceAll(parts, (part, name: BoundName | undefined) => {
    if (name === undefined) return part;
    bound.push({ name, value: values[name] });
    return dialect.bound(name);
  });
  return { text: written, bound };
}

/**
 * Rows of one key are added where they lie. A sum leaves NULL out without a word, and a missing number is no zero: where one
 * is missing, so is the sum, and the row is rejected.
 */
function queryOf(dialect: Dialect, table: string, columns: ReadonlyMap<Field, string>): string {
  const split = dimensions.filter((field) => columns.has(field));
  const named = (field: Field) => dialect.column(columns.get(field) ?? field);
  const selected = [
    ...split.map((field) => `${named(field)} AS ${dialect.column(field)}`),
    ...measures.map(
      (field) =>
        `CASE WHEN COUNT(*) = COUNT(${named(field)}) THEN SUM(${named(field)}) END AS ${dialect.column(field)}`,
    ),
  ];
  const groups = split.map((_, index) => index + 1).join(", ");
  return `SELECT ${selected.join(", ")} FROM ${dialect.table(table)} WHERE ${named("date")} = @day GROUP BY ${groups}`;
}
