import { addDays, daysFromTo, rangeBefore } from "../../core/days.ts";
import type { StoredOrigin } from "../../core/origin.ts";
import { judge, standing, type AnswerRow } from "../../rules/intelligence/question-answer.ts";
import { countryNamed } from "../../rules/intelligence/country-name.ts";
import { inWords } from "../../rules/intelligence/question-words.ts";
import { isRatio, weekdays, type Period, type Question } from "../../rules/intelligence/question.ts";
import { inTransaction, sqlState, type Database, type Queryable, type Session } from "../../schema/database.ts";
import type { ColumnStore } from "../../schema/clickhouse/column-store.ts";
import { withColumns, type ColumnReadings } from "../shared/column-reading.ts";
import { nameSql } from "../rtb/creative-shapes.ts";
import { readLastDay } from "./opportunity-cells.ts";
import { QuestionRefused, readQuestionCells, readSpreads } from "./question-cells.ts";
import type { Window } from "./question-sql.ts";
import { unknownValues } from "./question-values.ts";

/** Whose rows, and what day it is where they are. */
export interface Asker {
  client: string;
  today: string;
}

export type NamedRow = AnswerRow & { name: string | null };

/** What a question came to, with all that it was made of. */
export interface QuestionAnswer {
  question: Question;
  /** The question as a sentence. */
  words: string;
  /** Complete days only; null where no day that is over has rows. */
  days: AnswerDays | null;
  rows: NamedRow[];
  matched: number;
  compared: number;
  belowFloor: number;
  withoutFigure: number;
  /** Values of conditions that nothing is called by. */
  unknown: string[];
  origin: StoredOrigin;
}

export interface AnswerDays {
  from: string;
  to: string;
  /** What they are compared with. */
  before: { from: string; to: string } | null;
  withRows: string[];
  missing: string[];
  /** When the client's records last changed: a file that comes later may correct any of these days. */
  recordsAt: Date | null;
}

/** A question that goes through too much is stopped: it takes a narrower one, not a slower server. */
const mostMs = 10_000;

/**
 * Runs a question: the same rows, the same answer, whether the column store adds them up or Postgres. It reads only, and the
 * client's rows only.
 */
export async function runQuestion(
  database: Database,
  asker: Asker,
  question: Question,
  store?: ColumnStore | null,
): Promise<QuestionAnswer> {
  try {
    return await withColumns({ database, store }, (columns) =>
      inTransaction(database, async (session) => {
        await session.query(
          `set transaction isolation level repeatable read, read only; set local statement_timeout = ${mostMs}; set local jit = off; set local work_mem = '64MB'`,
        );
        return answer(session, asker, question, columns);
      }),
    );
  } catch (error) {
    if (sqlState(error) !== queryCanceled) throw error;
    throw new QuestionRefused(
      `the question goes through more than can be added up in ${mostMs / 1_000} s: ask about fewer days or fewer parts`,
    );
  }
}

const queryCanceled = "57014";

async function answer(
  session: Session,
  { client, today }: Asker,
  question: Question,
  columns: ColumnReadings | null,
): Promise<QuestionAnswer> {
  const words = inWords(question);
  const last = await lastDay(session, { client, today });
  const days = last === null ? null : daysOf(question.period, last);
  const unknown = await unknownValues(session, { client, question });
  if (days === null)
    return {
      ...{ question, words, days, rows: [], matched: 0, compared: 0, belowFloor: 0, withoutFigure: 0, unknown },
      origin: "unknown",
    };
  const before = question.compare?.with === "period_before" ? rangeBefore(days.from, days.to) : null;
  const window = { client, ...days, first: before?.from ?? days.from };
  const reading =
    (await columns?.open(session, { feed: "performance", client, from: window.first, to: window.to })) ?? null;
  const cells = await readQuestionCells(session, question, window, reading);
  const stands = standing(question, cells);
  const { metric } = question;
  const spreads = isRatio(metric)
    ? await readSpreads(session, { ...question, metric }, { ...window, keys: stands.toWeigh }, reading)
    : new Map();
  const { rows, ...counts } = judge(question, cells, stands, spreads);
  const withRows = await daysWithRows(session, window);
  const names = await namesOf(session, { client, question, keys: rows.map(({ subject }) => subject) });
  return {
    ...{ question, words, ...counts, unknown },
    days: {
      ...{ ...days, before, withRows },
      missing: daysFromTo(days.from, days.to).filter((day) => !withRows.includes(day)),
      recordsAt: await recordsAt(session, client),
    },
    rows: rows.map((row) => ({ ...row, name: row.subject === "" ? null : (names(row.subject) ?? row.subject) })),
    origin: originOf(cells.parts.map(({ origin }) => origin)),
  };
}

/** Of days that are over: files say which days they have, and rows say it where no file does. */
async function lastDay(database: Queryable, of: Asker): Promise<string | null> {
  const { rows } = await database.query<{ day: string | null }>(
    "select max(date) as day from ops.file_days where _client_id = $1 and date < $2",
    [of.client, of.today],
  );
  return rows[0]?.day ?? (await readLastDay(database, of));
}

/** Days of the window that files have rows of; where no file says it, the rows themselves. */
async function daysWithRows(database: Queryable, { client, from, to }: Window): Promise<string[]> {
  const read = async (table: string) => {
    const { rows } = await database.query<{ day: string }>(
      `select distinct date::text as day from ${table} where _client_id = $1 and date between $2 and $3 order by 1`,
      [client, from, to],
    );
    return rows.map(({ day }) => day);
  };
  const told = await read("ops.file_days");
  return told.length > 0 ? told : read("rtb.performance_metrics");
}

async function recordsAt(database: Queryable, client: string): Promise<Date | null> {
  const { rows } = await database.query<{ at: Date }>(
    "select refreshed_at as at from rtb.client_performance where _client_id = $1",
    [client],
  );
  return rows[0]?.at ?? null;
}

/** Named days are cut where they are not over yet. */
function daysOf(period: Period, last: string): { from: string; to: string } | null {
  if ("days" in period) return { from: addDays(last, 1 - period.days), to: last };
  if (period.from > last) return null;
  return { from: period.from, to: period.to < last ? period.to : last };
}

interface Keys {
  client: string;
  question: Question;
  keys: readonly string[];
}

/** What people call the parts of an answer. */
async function namesOf(
  database: Queryable,
  { client, question: { subject }, keys }: Keys,
): Promise<(key: string) => string | undefined> {
  if (subject === "country") return countryNamed;
  if (subject === "weekday") return (key) => weekdays[Number(key) - 1];
  const named = nameStatements[subject as keyof typeof nameStatements] as string | undefined;
  if (named === undefined) return () => undefined;
  const { rows } = await database.query<{ key: string; name: string }>(named, [
    client,
    keys.filter((key) => key !== ""),
  ]);
  const names = new Map(rows.map(({ key, name }) => [key, name]));
  return (key) => names.get(key);
}

const nameStatements = {
  campaign: `select campaign_id::text as key, campaign_name as name from rtb.campaigns where _client_id = $1 and campaign_id = any($2::bigint[])`,
  creative: `select c.id::text as key, ${nameSql("c")} as name from rtb.creatives c where c._client_id = $1 and c.id = any($2::bigint[])`,
  seat: `select buyer_id as key, coalesce(display_name, buyer_id) as name from rtb.buyer_seats where _client_id = $1 and buyer_id = any($2::text[])`,
} as const;

/** Real as soon as one part is. */
function originOf(origins: readonly StoredOrigin[]): StoredOrigin {
  if (origins.includes("real")) return "real";
  return origins.length > 0 && origins.every((origin) => origin === "sandbox") ? "sandbox" : "unknown";
}
