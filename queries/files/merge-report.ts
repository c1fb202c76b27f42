import type { Origin } from "../../core/origin.ts";
import { reportKinds, type ReportKind, type ReportName } from "../../rules/files/file-kinds.ts";
import type { Session } from "../../schema/database.ts";
import { lockPerformance } from "../rtb/rollups.ts";
import { refuseUnknownSeats } from "../rtb/seats.ts";
import { carriedBy, nothingMerged, without, type Carried, type MergedFile, type MergeTarget } from "./merge-shapes.ts";
import { refoldChanged } from "./funnel-sums.ts";
import { checkReportFile } from "./report-books.ts";
import { sayOddCounts } from "./odd-counts.ts";
import { checkLosses, daysInTheWay } from "./report-losses.ts";
import { carriedOf, columnsOf, controlOf, declared } from "./report-columns.ts";

export type ReportTarget = Omit<MergeTarget, "combine" | "events"> & {
  combine: "later" | "sum";
  grain: string;
  /** The file may take away most of a day that earlier files split otherwise. */
  acceptsLoss?: boolean;
};

/**
 * Merges staged lines into their report's table: a later file's line replaces the row of its key, and a day that a later
 * file splits otherwise is that file's alone. All in the caller's transaction, which holds the client's lock.
 */
export async function mergeReport(session: Session, name: ReportName, target: ReportTarget): Promise<MergedFile> {
  const kind = reportKinds[name];
  const { client, fileId } = target;
  await session.query("set local work_mem = '192MB'; set local jit = off");
  await lockPerformance(session, client);
  await refuseUnknownSeats(session, client, "staged");
  const folded = await fold(session, kind, target.combine);
  await findChanges(session, kind, target);
  const merged = await sumChanges(session, kind, target.combine, folded);
  await keepBooks(session, kind, target);
  const inTheWay = await daysInTheWay(session, kind, client);
  await write(session, kind, target);
  if (target.acceptsLoss !== true) await checkLosses(session, kind, { client, days: inTheWay });
  await refoldChanged(session, client, name);
  const origin = await seatsOf(session, client);
  const warning = await sayOddCounts(session, kind);
  await session.query("drop table if exists pg_temp.staged, pg_temp.named, pg_temp.lines, pg_temp.changes");
  await checkReportFile(session, { client, name, fileId });
  return { ...merged, warning, origin };
}

type Folded = Carried & { lines: number };

/** One line for each key: the sums of all its lines, or the last of them. Tells what the others were. */
async function fold(session: Session, kind: ReportKind, combine: "later" | "sum"): Promise<Folded> {
  const { key, named, measures } = columnsOf(kind);
  const keys = key.map((column) =>
    column === "hour"
      ? "coalesce(hour, -1) as hour"
      : ["date", "at"].includes(column)
        ? column
        : `coalesce(${column}, '') as ${column}`,
  );
  const sum = (column: string) => `sum(${column})${column === "spend" ? "" : "::bigint"}`;
  const places = key.map((_, index) => index + 2).join(", ");
  await session.query(`create temp table lines (line int, ${declared(kind)}) on commit drop`);
  await session.query(
    combine === "sum"
      ? `insert into pg_temp.lines select max(line), ${[...keys, ...named.map((column) => `max(${column})`), ...measures.map(sum)].join(", ")}
           from pg_temp.staged group by ${places}`
      : `insert into pg_temp.lines select distinct on (${places}) line, ${[...keys, ...named, ...measures].join(", ")}
           from pg_temp.staged order by ${places}, line desc`,
  );
  await session.query("analyze pg_temp.lines");
  const sums = (table: string) =>
    `select count(*) as lines, ${carriedSums} from (select ${carriedOf(kind, "t")} from pg_temp.${table} t) t(impressions, clicks, spend)`;
  const { rows } = await session.query<Folded>(`${sums("staged")} union all ${sums("lines")} order by lines desc`);
  const [staged, kept] = rows;
  if (staged === undefined || kept === undefined) throw new Error("staged lines cannot be counted");
  return { ...without(staged, kept), lines: staged.lines - kept.lines };
}

const carriedSums = ["impressions", "clicks", "spend"]
  .map((column) => `coalesce(sum(${column}), 0)::text as ${column}`)
  .join(", ");

/**
 * What becomes of each line, and of rows in its way. i: there is no such row. u: an earlier file's row is updated. c: an
 * earlier file's row has the same amounts. s: a newer file, or a later line of this one, has the row. a: added to what its
 * own file has stored. r: replaces an earlier line of its file. d: a row of an earlier file that split this day otherwise.
 */
async function findChanges(session: Session, kind: ReportKind, target: ReportTarget): Promise<void> {
  const { key, measures, all } = columnsOf(kind);
  const { client, fileId, redriven = false, grain } = target;
  const same = key.map((column) => `t.${column} = l.${column}`).join(" and ");
  const own = target.combine === "sum" ? "'a'" : "case when t._line > l.line then 's' else 'r' end";
  const differs = measures.map((column) => `t.${column} is distinct from l.${column}`).join(" or ");
  const value = (column: string) =>
    measures.includes(column)
      ? `case when fate.is = 'a' then coalesce(t.${column} + l.${column}, t.${column}, l.${column}) else l.${column} end`
      : `l.${column}`;
  await session.query(
    `create temp table changes (fate text, line int, ${declared(kind)}, old_file_id int, old_date date, old_control numeric,
       old_impressions numeric, old_clicks numeric, old_spend numeric) on commit drop`,
  );
  const old = `t._file_id, t.date, case when t._client_id is not null then ${controlOf(kind, "t")} end, ${carriedOf(kind, "t")}`;
  await session.query(
    `insert into pg_temp.changes
     select fate.is, l.line, ${all.map(value).join(", ")}, ${old}
       from pg_temp.lines l left join ${kind.table} t on t._client_id = $1 and ${same}
      cross join lateral (select case when $3 and ${splitOtherwise(kind, "n._file_id > $2")} then 's'
                                      when t._client_id is null then 'i'
                                      when $3 and t._file_id > $2 then 's'
                                      when $3 and t._file_id = $2 then ${own}
                                      when ${differs} then 'u'
                                      else 'c' end as is) fate`,
    [client, fileId, redriven, grain],
  );
  if (grain === "") return;
  await session.query(
    `insert into pg_temp.changes
     select 'd', t._line, ${all.map((column) => `t.${column}`).join(", ")}, ${old}
       from ${kind.table} t
      where t._client_id = $1 and t._grain <> $3 and t._file_id < $2
        and (t.buyer_id, t.date) in (select buyer_id, date from pg_temp.changes where fate <> 's')
        and not exists (select from pg_temp.lines l where ${same})`,
    [client, fileId, grain],
  );
}

/** Whether the day of a line holds rows that another file split by other columns. */
const splitOtherwise = (kind: ReportKind, by: string) =>
  `$4::text <> '' and exists (select from ${kind.table} n where n._client_id = $1 and n.buyer_id = l.buyer_id
     and n.date = l.date and n._grain <> $4::text and ${by})`;

interface SummedFate extends Carried {
  fate: "i" | "u" | "c" | "s" | "a" | "r" | "d";
  rows: number;
  days: number;
  from: string | null;
  to: string | null;
  oldImpressions: string;
  oldClicks: string;
  oldSpend: string;
}

async function sumChanges(
  session: Session,
  kind: ReportKind,
  combine: "later" | "sum",
  folded: Folded,
): Promise<Omit<MergedFile, "origin">> {
  const { rows } = await session.query<SummedFate>(
    `select fate, count(*) as rows, count(distinct date)::int as days, min(date)::text as "from", max(date)::text as "to", ${carriedSums},
            coalesce(sum(old_impressions), 0)::text as "oldImpressions", coalesce(sum(old_clicks), 0)::text as "oldClicks",
            coalesce(sum(old_spend), 0)::text as "oldSpend"
       from (select fate, date, ${carriedOf(kind, "c")}, old_impressions, old_clicks, old_spend from pg_temp.changes c)
            c(fate, date, impressions, clicks, spend, old_impressions, old_clicks, old_spend) group by fate`,
  );
  const of = (...fates: SummedFate["fate"][]) => rows.filter(({ fate }) => fates.includes(fate));
  const count = (...fates: SummedFate["fate"][]) => of(...fates).reduce((sum, one) => sum + one.rows, 0);
  const before = (one: SummedFate): Carried => ({
    impressions: one.oldImpressions,
    clicks: one.oldClicks,
    spend: one.oldSpend,
  });
  const later = combine === "later" ? [folded] : [];
  const superseded = carriedBy([...later, ...of("s"), ...of("r").map(before)]);
  const own = of("a", "r");
  const days = of("i", "u", "c", "a", "r", "s").flatMap(({ from, to }) => [from ?? "", to ?? ""]);
  days.sort();
  return {
    ...nothingMerged,
    inserted: count("i"),
    updated: count("u"),
    unchanged: count("c"),
    removed: count("d"),
    combined: count("a") + (combine === "sum" ? folded.lines : 0),
    superseded: { lines: count("s", "r") + (combine === "later" ? folded.lines : 0), ...superseded },
    stored: without(carriedBy([...of("i", "u", "c"), ...own]), carriedBy(own.map(before))),
    days: Math.max(0, ...of("i", "u").map((one) => one.days)),
    from: days[0] ?? null,
    to: days.at(-1) ?? null,
  };
}

/** What the file wrote to each day, and which rows it took from the files before it. */
async function keepBooks(session: Session, kind: ReportKind, { client, fileId }: ReportTarget): Promise<void> {
  await session.query(
    `insert into ops.report_days as d (_client_id, file_id, source, date, written, control)
     select $1, $2, $3, date, count(*) filter (where fate in ('i', 'u', 'c')),
            sum(${controlOf(kind, "c")} - case when fate in ('a', 'r') then old_control else 0 end)
       from pg_temp.changes c where fate in ('i', 'u', 'c', 'a', 'r') group by date
         on conflict on constraint report_days_key do update set written = d.written + excluded.written, control = d.control + excluded.control`,
    [client, fileId, kind.table],
  );
  await session.query(
    `with taken as (
       select old_file_id, old_date, count(*) as rows, count(*) filter (where fate <> 'c') as replaced, sum(old_control) as control
         from pg_temp.changes where fate in ('u', 'c', 'd') group by 1, 2
     ), days as (
       update ops.report_days d set taken_over = d.taken_over + t.rows, control_taken_over = d.control_taken_over + t.control
         from taken t where d._client_id = $1 and d.date = t.old_date and d.file_id = t.old_file_id
     )
     update ops.files f set replaced = f.replaced + t.rows
       from (select old_file_id, sum(replaced) as rows from taken group by 1 having sum(replaced) > 0 order by 1) t
      where f._client_id = $1 and f.file_id = t.old_file_id`,
    [client],
  );
}

async function write(session: Session, kind: ReportKind, { client, fileId, grain }: ReportTarget): Promise<void> {
  const { key, named, measures, all } = columnsOf(kind);
  const same = key.map((column) => `t.${column} = c.${column}`).join(" and ");
  await session.query(
    `delete from ${kind.table} t using pg_temp.changes c where c.fate = 'd' and t._client_id = $1 and ${same}`,
    [client],
  );
  await session.query(
    `update ${kind.table} t set ${[...named, ...measures].map((column) => `${column} = c.${column}`).join(", ")},
            _file_id = $2, _line = c.line, _grain = $3
       from pg_temp.changes c where c.fate in ('u', 'c', 'a', 'r') and t._client_id = $1 and ${same}`,
    [client, fileId, grain],
  );
  await session.query(
    `insert into ${kind.table} (_client_id, ${all.join(", ")}, _file_id, _line, _grain)
     select $1, ${all.join(", ")}, $2, line, $3 from pg_temp.changes where fate = 'i' order by ${key.join(", ")}`,
    [client, fileId, grain],
  );
}

/** Seats that nobody has named yet become known by their reports. A file that is about made-up seats alone is the sandbox's. */
async function seatsOf(session: Session, client: string): Promise<Origin> {
  await session.query(
    `insert into rtb.buyer_seats (_client_id, buyer_id, origin) select distinct $1, buyer_id, 'real' from pg_temp.lines
         on conflict on constraint buyer_seats_key do nothing`,
    [client],
  );
  const { rows } = await session.query<{ madeUp: boolean }>(
    `select exists (select from pg_temp.lines)
            and not exists (select from pg_temp.lines l join rtb.buyer_seats s on s._client_id = $1 and s.buyer_id = l.buyer_id
                             where s.origin <> 'sandbox') as "madeUp"`,
    [client],
  );
  return rows[0]?.madeUp === true ? "sandbox" : "real";
}
