import type { StoredOrigin } from "../../core/origin.ts";
import type { Cells, Spread, Spreads, Sums } from "../../rules/intelligence/question-answer.ts";
import { limits, ratios, type Question, type Ratio } from "../../rules/intelligence/question.ts";
import type { Session } from "../../schema/database.ts";
import { createValues } from "../rtb/creative-shapes.ts";
import type { ColumnReading } from "../shared/column-reading.ts";
import { usedValues } from "../shared/used-values.ts";
import { readSummedRows } from "./question-columns.ts";
import { daysSql, partsSql, summedDaysSql, type Window } from "./question-sql.ts";

interface PartRow {
  subject: string;
  own: Sums;
  other: Sums | null;
  isReal: boolean;
  isSandbox: boolean;
}

interface CellsRow {
  whole: Sums;
  parts: number;
  above: number;
  found: PartRow[] | null;
}

/** Asks for more than one question may go through; the message says what to do. */
export class QuestionRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "QuestionRefused";
  }
}

const tooManyParts = (parts: number) =>
  new QuestionRefused(
    `${parts.toLocaleString("en-US")} parts are above the floor, more than ${limits.parts.toLocaleString("en-US")}: raise the floor, or ask about fewer by a condition`,
  );

const measured = ["impressions", "clicks", "spend"] as const;

/** Sums of each part that is above the floor on every side, and of all parts; all of one moment. */
export async function readQuestionCells(
  session: Session,
  question: Question,
  window: Window,
  reading: ColumnReading | null = null,
): Promise<Cells> {
  const summed = reading === null ? null : await readSummedRows(session, reading, { question, window, byDay: null });
  const { values, put } = createValues();
  const { compare, floor } = question;
  const hasOther = compare?.with === "slice" || compare?.with === "period_before";
  const floorOf = (side: string) =>
    measured.filter((name) => Number(floor[name]) > 0).map((name) => `${side}_${name} >= ${put(floor[name])}::numeric`);
  const hasOwn = "own_impressions is not null";
  const above = [...floorOf("own"), ...(hasOther ? floorOf("other") : []), hasOwn].join(" and ");
  const whole = measured.map((name) => `sum(own_${name}) as own_${name}`).join(", ");
  const { rows } = await session.query<CellsRow>(
    usedValues(
      `with parts as materialized (${partsSql(question, window, put, summed)}),
     found as materialized (select * from parts where ${above})
     select ${jsonSql("own", "w")} as whole, (select count(*) from parts where ${hasOwn}) as parts, (select count(*) from found) as above,
            (select json_agg(json_build_object('subject', p.subject, 'own', ${jsonSql("own", "p")}, 'other', ${hasOther ? jsonSql("other", "p") : "null"},
                      'isReal', p.is_real, 'isSandbox', p.is_sandbox))
               from (select * from found limit ${limits.parts}) p) as found
       from (select ${whole} from parts) w`,
      values,
    ),
  );
  const [row] = rows;
  if (row === undefined) throw new Error("sums without a group came to no row");
  if (row.above > limits.parts) throw tooManyParts(row.above);
  return {
    parts: (row.found ?? []).map(({ isReal, isSandbox, ...part }) => ({
      ...part,
      origin: originOf(isReal, isSandbox),
    })),
    whole: row.whole,
    belowFloor: row.parts - row.above,
  };
}

/** Real as soon as one creative is. */
function originOf(isReal: boolean, isSandbox: boolean): StoredOrigin {
  if (isReal) return "real";
  return isSandbox ? "sandbox" : "unknown";
}

const jsonSql = (side: string, alias: string) =>
  `json_build_object(${measured.map((name) => `'${name}', coalesce(${alias}.${side}_${name}, 0)::text`).join(", ")})`;

/** How much the sides of these parts vary from day to day: Σ count² / exposure, in floats, for statistics only. */
export async function readSpreads(
  session: Session,
  question: Question & { metric: Ratio },
  { keys, ...window }: Window & { keys: readonly string[] },
  reading: ColumnReading | null = null,
): Promise<Spreads> {
  if (keys.length === 0) return new Map();
  const summed =
    reading === null ? null : await readSummedRows(session, reading, { question, window, byDay: { keys } });
  const { values, put } = createValues();
  const days =
    summed === null
      ? daysSql(question, window, keys, put)
      : summedDaysSql(question, window, { keys, rows: summed }, put);
  const { count, exposure } = ratios[question.metric];
  const spread = (side: string) =>
    `json_build_object('days', count(${side}_${count}), 'squares', coalesce(sum(case when ${side}_${exposure} > 0
       then ${side}_${count}::float8 ^ 2 / ${side}_${exposure}::float8 end), 0))`;
  const { rows } = await session.query<{ subject: string; own: Spread; other: Spread }>(
    usedValues(
      `select subject, ${spread("own")} as own, ${spread("other")} as other from (${days}) d group by 1`,
      values,
    ),
  );
  return new Map(rows.map(({ subject, ...sides }) => [subject, sides]));
}
