import type { Condition, Question, Subject } from "../../rules/intelligence/question.ts";
import type { Session } from "../../schema/database.ts";
import { widened } from "../../schema/clickhouse/column-tables.ts";
import { createStoreValues, type ColumnReading } from "../shared/column-reading.ts";
import { usedValues } from "../shared/used-values.ts";
import { createValues } from "../rtb/creative-shapes.ts";
import { groupsSql, otherOf, placeOf, readValues, type Window } from "./question-sql.ts";
import type { SummedRows } from "./summed-rows.ts";

type Put = ReturnType<typeof createStoreValues>["put"];

/** What stands in a row, in the column store's own SQL: each the same as in `known` of question-sql.ts. */
interface Known {
  column: string;
  key: string;
  isIn: (values: readonly string[], put: Put) => string;
}

const plain = (column: string): Known => ({
  column,
  key: `toString(${column})`,
  isIn: (values, put) => `${column} in ${put(values, "Array(String)")}`,
});
const weekday = "1 + (toInt32(date) - toInt32(toDate32('1900-01-01'))) % 7";
const known: Partial<Record<Subject, Known>> = {
  country: plain("geography"),
  device: plain("device_type"),
  placement: plain("placement"),
  hour: {
    column: "hour",
    key: "if(hour = -1, null, toString(hour))",
    isIn: (values, put) => `hour in ${put(values.map(Number), "Array(Int16)")}`,
  },
  weekday: {
    column: "date",
    key: `toString(${weekday})`,
    isIn: (values, put) => `${weekday} in ${put(values.map(Number), "Array(Int32)")}`,
  },
  day: {
    column: "date",
    key: "toString(date)",
    isIn: (values, put) => `date in ${put(values, "Array(Date32)")}`,
  },
};

/** More than these are no fewer than the rows themselves: Postgres adds them up where they are. */
const mostRows = 200_000;

interface Asked {
  question: Question;
  window: Window;
  /** By day, too, and of these parts alone; null: of all parts, over all days. */
  byDay: { keys: readonly string[] } | null;
}

/**
 * Sums of the window by creative and by what stands in the rows, for each side. Creatives that the question treats alike are
 * one, the first of them. Null where there are too many sums.
 */
export async function readSummedRows(
  session: Session,
  reading: ColumnReading,
  asked: Asked,
): Promise<SummedRows | null> {
  const { question, window, byDay } = asked;
  const groups = await readGroups(session, question, window);
  const { values, put } = createStoreValues(reading.values);
  const columns = new Set<string>();
  const isIn = (condition: Condition) => conditionSql(condition, columns, put);
  const own = known[question.subject];
  if (own !== undefined) columns.add(own.column);
  const key = own?.key ?? "''";
  const [isOwn, isOther] = sidesSql(question, window, isIn, put);
  const where = [
    ...question.where.filter(({ dimension }) => placeOf(dimension) === "row").map(isIn),
    ...(groups.only === null ? [] : [`creative_id in ${put(groups.only.map(BigInt), "Array(Int64)")}`]),
    ...(byDay === null ? [] : keysSql(question, byDay.keys, key, put)),
  ];
  if (groups.only !== null || groups.one === null) columns.add("creative_id");
  const date = byDay === null ? "''" : "toString(date)";
  const creative = groups.one === null ? "creative_id" : put(BigInt(groups.one), "Int64");
  const sums = ["impressions", "clicks", "spend"].map(
    (name) => `sum(${widened({ name, type: name === "spend" ? "numeric" : "bigint" })}) as ${name}_sum`,
  );
  const inner = `select ${creative} as creative, ${key} as own, ${date} as day, ${isOwn} as is_own, ${isOther} as is_other, ${sums.join(", ")}
                   from ${reading.table(tableFor(columns))} where ${[reading.where, ...where].join(" and ")} group by all`;
  const alike =
    groups.alike === null
      ? "creative"
      : `transform(creative, ${put(groups.alike.ids.map(BigInt), "Array(Int64)")}, ${put(groups.alike.firsts.map(BigInt), "Array(Int64)")}, toInt64(0))`;
  const rows = await reading.rows({
    text: `select toString(${alike}), own, day, toString(is_own), toString(is_other), toString(sum(impressions_sum)), toString(sum(clicks_sum)), toString(sum(spend_sum))
             from (${inner}) group by all limit ${mostRows + 1}`,
    values,
  });
  return rows.length > mostRows ? null : { ...byColumn(rows), unmirrored: reading.unmirrored };
}

/** The smallest table that has the columns; the day is in each. */
function tableFor(columns: ReadonlySet<string>): string {
  const needs = [...columns].filter((column) => column !== "date");
  if (needs.every((column) => ["hour", "geography", "device_type"].includes(column))) return "performance_parts";
  return needs.every((column) => column === "creative_id") ? "performance_creatives" : "performance";
}

function conditionSql(condition: Condition, columns: Set<string>, put: Put): string {
  const found = known[condition.dimension];
  if (found === undefined) throw new Error(`${condition.dimension} stands in no row`);
  columns.add(found.column);
  return `${condition.is === "not_in" ? "not " : ""}(${found.isIn(readValues(condition), put)})`;
}

function sidesSql(
  { compare }: Question,
  { from }: Window,
  isIn: (condition: Condition) => string,
  put: Put,
): [string, string] {
  if (compare?.with === "period_before") {
    const day = put(from, "Date32");
    return [`date >= ${day}`, `date < ${day}`];
  }
  if (compare?.with !== "slice") return ["true", "true"];
  const side = (condition: Condition) => (placeOf(condition.dimension) === "row" ? isIn(condition) : "true");
  return [side(compare.slice), side(otherOf(compare))];
}

function keysSql({ subject }: Question, keys: readonly string[], key: string, put: Put): string[] {
  if (subject === "creative")
    return [`creative_id in ${put(keys.filter((one) => one !== "").map(BigInt), "Array(Int64)")}`];
  return placeOf(subject) === "row" ? [`ifNull(${key}, '') in ${put(keys, "Array(String)")}`] : [];
}

interface Groups {
  /** Stands for every creative; null where they differ. */
  one: string | null;
  /** Which creatives the conditions leave; null for all. */
  only: string[] | null;
  /** Of each creative the first that is treated alike; null where each stands for itself. */
  alike: { ids: string[]; firsts: string[] } | null;
}

async function readGroups(session: Session, question: Question, window: Window): Promise<Groups> {
  const { values, put } = createValues();
  const { sql, isLimited } = groupsSql(question, window, put);
  if (question.subject === "creative" && !isLimited) return { one: null, only: null, alike: null };
  const { rows } = await session.query<{ id: string; first: string }>(usedValues(sql, values));
  const ids = rows.map(({ id }) => id);
  const only = isLimited ? ids : null;
  if (question.subject === "creative") return { one: null, only, alike: null };
  const firsts = rows.map(({ first }) => first);
  const [one = null] = firsts;
  if (one !== null && firsts.every((first) => first === one)) return { one, only, alike: null };
  return { one: null, only, alike: ids.length === 0 ? null : { ids, firsts } };
}

function byColumn(rows: readonly (string | null)[][]): Omit<SummedRows, "unmirrored"> {
  const column = (place: number) => rows.map((row) => row[place] ?? "");
  const isTrue = (place: number) => rows.map((row) => ["1", "true"].includes(row[place] ?? ""));
  return {
    creatives: column(0),
    own: rows.map((row) => row[1] ?? null),
    dates: column(2),
    ...{ isOwn: isTrue(3), isOther: isTrue(4) },
    ...{ impressions: column(5), clicks: column(6), spend: column(7) },
  };
}
