import { subtractMoney, sumMoney } from "../../core/money.ts";
import { type Queryable, type Session, sqlState } from "../../schema/database.ts";
import { stagedTable } from "./performance-staging.ts";
import { lockPerformance, rollUp, withoutLoops } from "../rtb/rollups.ts";

export interface PerformanceTarget {
  client: string;
  /** Carried by every row that is written. */
  fileId: number;
  /** The last civil day in the client's zone: periods of the roll-ups end with it. */
  today: string;
  /** What becomes of several lines of one key: the last one wins, or they are added. */
  combine: "later" | "sum";
  /** Creatives that nobody knows are created as stubs; otherwise such a line fails the merge. */
  createStubs: boolean;
  /** Lines that had been set aside: what a newer file has written since stays. */
  redriven?: boolean;
  /** Lines that may have the key of an earlier one, where the reader knows that no other has; else any may. */
  doubtful?: readonly number[] | null;
}

/** Exact decimal texts. */
export interface Carried {
  impressions: string;
  clicks: string;
  spend: string;
}

export interface MergedFile {
  inserted: number;
  updated: number;
  unchanged: number;
  /** Lines that were added to another of the same key. */
  combined: number;
  /** Lines that a later one of the same key outweighs, and what they carried. */
  superseded: Carried & { lines: number };
  /** What inserted, updated and unchanged rows carry. */
  stored: Carried;
  /** Days on which something changed. */
  days: number;
  from: string | null;
  to: string | null;
}

/** Lines name creatives that are neither known nor to be created. */
export class UnknownCreatives extends Error {
  constructor(readonly creativeIds: string[]) {
    super(`creatives that are not known: ${creativeIds.join(", ")}`);
    this.name = "UnknownCreatives";
  }
}

const key = ["creative_id", "date", "hour", "geography", "device_type", "placement"] as const;
const keyColumns = key.join(", ");
/** From so many lines on, the stored rows are gone through in order rather than looked up one by one. */
const manyLines = 100_000;

/**
 * Merges what is staged into rtb.performance_metrics, keeps ops.file_days, and brings the roll-ups up to date; all in the
 * caller's transaction, which holds the client's lock from here to its end. Two files of one client wait for each other
 * here, so what commits later wins, row by row.
 */
export async function mergeStaged(session: Session, target: PerformanceTarget): Promise<MergedFile> {
  await session.query("set local work_mem = '192MB'; set local maintenance_work_mem = '192MB'; set local jit = off");
  await lockPerformance(session, target.client);
  const { table, combined } = target.combine === "sum" ? await addUp(session) : { table: "staged", combined: 0 };
  const outweighed =
    target.combine === "sum" ? nothing.superseded : await dropOutweighed(session, target.doubtful ?? null);
  const days = await sumDays(session, table);
  const [first] = days;
  if (first === undefined) return { ...nothing, combined };
  const staged: StagedLines = {
    table,
    days,
    dates: days.map(({ date }) => date),
    rows: days.reduce((sum, { rows }) => sum + rows, 0),
    from: first.date,
    to: days.at(-1)?.date ?? first.date,
  };

  const fresh = target.redriven === true ? null : await insertFresh(session, target, staged);
  const write = () => writeChanges(session, target, staged);
  const written = fresh ?? (await (staged.rows > manyLines ? withoutLoops(session, write) : write()));
  await recordDays(session, target, written.days);
  await checkCreatives(session, target);
  await rollUp(session, { client: target.client, today: target.today, from: staged.from, to: staged.to });
  await session.query(
    "drop table if exists pg_temp.staged, pg_temp.doubtful, pg_temp.added, pg_temp.changes, pg_temp.touched",
  );

  const inserted = written.days.reduce((sum, day) => sum + day.inserted, 0);
  const updated = written.days.reduce((sum, day) => sum + day.updated, 0);
  return {
    inserted,
    updated,
    unchanged: staged.rows - inserted - updated - written.superseded.lines,
    combined,
    superseded: {
      lines: outweighed.lines + written.superseded.lines,
      ...carriedBy([outweighed, written.superseded]),
    },
    stored: without(carriedBy(days), written.superseded),
    days: written.days.length,
    from: staged.from,
    to: staged.to,
  };
}

const nothing: MergedFile = {
  inserted: 0,
  updated: 0,
  unchanged: 0,
  combined: 0,
  superseded: { lines: 0, impressions: "0", clicks: "0", spend: "0" },
  stored: { impressions: "0", clicks: "0", spend: "0" },
  days: 0,
  from: null,
  to: null,
};

type DaySum = Carried & { date: string; rows: number };

interface StagedLines {
  /** The temporary table they lie in. */
  table: string;
  days: DaySum[];
  dates: string[];
  rows: number;
  from: string;
  to: string;
}

interface DayChange {
  date: string;
  inserted: number;
  updated: number;
  before: Carried;
  after: Carried;
}

/** What was written; how much more each creative carries since lies in the temporary table `touched`. */
interface Written {
  days: DayChange[];
  /** Lines that a newer file outweighs. */
  superseded: MergedFile["superseded"];
}

/** Lines of one key as one line: for files that are split finer than the key. */
async function addUp(session: Session): Promise<{ table: string; combined: number }> {
  await session.query(`create temp table added ${stagedTable}`);
  const added = await session.query(
    `insert into pg_temp.added
     select max(line), ${keyColumns}, sum(impressions)::bigint, sum(clicks)::bigint, sum(spend) from pg_temp.staged group by ${keyColumns}`,
  );
  const { rows } = await session.query<{ lines: number }>("select count(*) as lines from pg_temp.staged");
  return { table: "added", combined: (rows[0]?.lines ?? 0) - (added.rowCount ?? 0) };
}

/** Of several lines of one key the last stays. Returns how many went, and what they carried. */
async function dropOutweighed(session: Session, doubtful: readonly number[] | null): Promise<MergedFile["superseded"]> {
  if (doubtful?.length === 0) return nothing.superseded;
  const all = linesOf("staged");
  let earlier = `select at from (select at, row_number() over (partition by ${keyColumns} order by line desc) as place from ${all}) numbered where place > 1`;
  if (doubtful !== null) {
    // Looked for beside the few that may outweigh one: to put all in order takes a second or two for a million.
    await session.query(`create temp table doubtful on commit drop as select line, ${keyColumns} from ${all} limit 0`);
    await session.query(
      `insert into pg_temp.doubtful select line, ${keyColumns} from ${all} where line = any($1::bigint[])`,
      [doubtful],
    );
    await session.query("analyze pg_temp.doubtful");
    earlier = `select lines.at from ${all} join pg_temp.doubtful later on ${sameKey("lines", "later")} and lines.line < later.line`;
  }
  const { rows } = await withoutLoops(session, () =>
    session.query<MergedFile["superseded"]>(
      `with gone as (delete from pg_temp.staged s using (${earlier}) e where s.ctid = e.at returning s.impressions, s.clicks, s.spend)
       select count(*) as lines, coalesce(sum(impressions), 0)::text as impressions, coalesce(sum(clicks), 0)::text as clicks,
              coalesce(sum(spend), 0)::text as spend from gone`,
    ),
  );
  return rows[0] ?? nothing.superseded;
}

async function sumDays(session: Session, table: string): Promise<DaySum[]> {
  const { rows } = await session.query<DaySum>(
    `select date, count(*) as rows, sum(impressions)::text as impressions, sum(clicks)::text as clicks, sum(spend)::text as spend
       from pg_temp.${table} group by date order by date`,
  );
  return rows;
}

/** Staged lines as the table keeps them: what is not said has its stand-in. */
const linesOf = (table: string) =>
  `(select ctid as at, line, creative_id, date, coalesce(hour, -1::smallint) as hour, coalesce(geography, '') as geography, coalesce(device_type, '') as device_type,
           coalesce(placement, '') as placement, impressions, clicks, spend from pg_temp.${table}) lines`;

/**
 * Days of which nothing is stored need no comparison: the lines go in as they are, and into months that are new without
 * an index. By creative, so that a creative's rows lie side by side. Null when a day is not fresh.
 */
async function insertFresh(session: Session, target: PerformanceTarget, staged: StagedLines): Promise<Written | null> {
  const known = await session.query(
    "select from ops.file_days where _client_id = $1 and date = any($2::date[]) limit 1",
    [target.client, staged.dates],
  );
  if (known.rowCount !== 0) return null;
  await session.query("savepoint fresh");
  const { rows } = await session.query<{ made: string[] }>("select rtb.begin_months($1::date[])::text[] as made", [
    staged.dates,
  ]);
  const made = rows[0]?.made ?? [];
  const isNew = (date: string) => made.includes(`${date.slice(0, 7)}-01`);
  const insert = async (into: string, dates: readonly string[]) => {
    if (dates.length === 0) return;
    await session.query(
      `insert into ${into} (_client_id, ${keyColumns}, impressions, clicks, spend, _file_id)
       select $1::text, ${keyColumns}, impressions, clicks, spend, $2::int
         from (select * from ${linesOf(staged.table)} where date = any($3::date[]) order by creative_id, date) in_order`,
      [target.client, target.fileId, dates],
    );
  };
  await insert("rtb.new_months", staged.dates.filter(isNew));
  await session.query("select rtb.attach_months($1::date[])", [made]);
  try {
    await insert(
      "rtb.performance_metrics",
      staged.dates.filter((date) => !isNew(date)),
    );
  } catch (error) {
    // Rows that no file of the ledger wrote.
    if (sqlState(error) !== "23505") throw error;
    await session.query("rollback to savepoint fresh");
    return null;
  }
  await session.query(touchedTable);
  await session.query(
    `insert into pg_temp.touched
     select creative_id, sum(impressions), sum(clicks), sum(spend) from pg_temp.${staged.table} group by creative_id`,
  );
  return {
    days: staged.days.map((day) => ({
      date: day.date,
      inserted: day.rows,
      updated: 0,
      before: nothing.stored,
      after: day,
    })),
    superseded: nothing.superseded,
  };
}

const touchedTable = `create temp table touched (creative_id bigint, impressions numeric, clicks numeric, spend numeric) on commit drop`;

const sameKey = (one: string, other: string) =>
  key.map((column) => `${one}.${column} = ${other}.${column}`).join(" and ");

/** The staged lines beside the stored rows: writes those that are new or differ, and leaves the others alone. */
async function writeChanges(session: Session, target: PerformanceTarget, staged: StagedLines): Promise<Written> {
  const { client, fileId } = target;
  const range = [client, staged.from, staged.to];
  await session.query("select rtb.ensure_months($1::date[])", [staged.dates]);
  await session.query(
    `create temp table changes (fate "char", creative_id bigint, date date, hour smallint, geography text collate "C", device_type text collate "C",
       placement text collate "C", impressions bigint, clicks bigint, spend numeric(18,6), old_impressions bigint, old_clicks bigint,
       old_spend numeric(18,6), old_file_id int) on commit drop`,
  );
  await session.query(
    `insert into pg_temp.changes
     select case when $5 and t._file_id > $4 then 's' when t._client_id is null then 'i' else 'u' end::"char",
            ${key.map((column) => `lines.${column}`).join(", ")}, lines.impressions, lines.clicks, lines.spend, t.impressions, t.clicks, t.spend, t._file_id
       from ${linesOf(staged.table)}
       left join rtb.performance_metrics t on t._client_id = $1 and ${sameKey("t", "lines")} and t.date between $2 and $3
      where t._client_id is null or (t.impressions, t.clicks, t.spend) is distinct from (lines.impressions, lines.clicks, lines.spend)`,
    [...range, fileId, target.redriven === true],
  );
  // Where much changes, no loop is allowed that the planner would have to be kept from.
  if (staged.rows <= manyLines) await session.query("analyze pg_temp.changes");
  const written = await sumChanges(session);
  if (written.days.some(({ updated }) => updated > 0)) {
    await session.query(
      `update rtb.performance_metrics t
          set impressions = c.impressions, clicks = c.clicks, spend = c.spend, _file_id = $4
         from pg_temp.changes c
        where c.fate = 'u' and t._client_id = $1 and t.date between $2 and $3 and ${sameKey("t", "c")}`,
      [...range, fileId],
    );
    await session.query(
      `update ops.files f set replaced = f.replaced + c.rows
         from (select old_file_id, count(*) as rows from pg_temp.changes where fate = 'u' and old_file_id <> $2 group by 1 order by 1) c
        where f._client_id = $1 and f.file_id = c.old_file_id`,
      [client, fileId],
    );
  }
  if (written.days.some(({ inserted }) => inserted > 0))
    await session.query(
      `insert into rtb.performance_metrics (_client_id, ${keyColumns}, impressions, clicks, spend, _file_id)
       select $1, ${keyColumns}, impressions, clicks, spend, $2 from pg_temp.changes where fate = 'i'`,
      [client, fileId],
    );
  await session.query(touchedTable);
  await session.query(
    `insert into pg_temp.touched
     select creative_id, sum(impressions - coalesce(old_impressions, 0)), sum(clicks - coalesce(old_clicks, 0)),
            sum(spend - coalesce(old_spend, 0))
       from pg_temp.changes where fate <> 's' group by creative_id`,
  );
  return written;
}

async function sumChanges(session: Session): Promise<Written> {
  const { rows } = await session.query<
    { date: string | null; inserted: number; updated: number } & Record<
      "ia" | "ca" | "sa" | "ib" | "cb" | "sb",
      string
    > & { superseded: number }
  >(
    `select case when fate <> 's' then date end as date, count(*) filter (where fate = 'i') as inserted, count(*) filter (where fate = 'u') as updated,
            count(*) filter (where fate = 's') as superseded,
            coalesce(sum(old_impressions), 0)::text as ib, coalesce(sum(old_clicks), 0)::text as cb, coalesce(sum(old_spend), 0)::text as sb,
            sum(impressions)::text as ia, sum(clicks)::text as ca, sum(spend)::text as sa
       from pg_temp.changes group by 1 order by 1`,
  );
  const carried = (row: (typeof rows)[number]) => carriedBy([{ impressions: row.ia, clicks: row.ca, spend: row.sa }]);
  const superseded = rows.find(({ date }) => date === null);
  return {
    days: rows.flatMap((row) =>
      row.date === null
        ? []
        : {
            date: row.date,
            inserted: row.inserted,
            updated: row.updated,
            before: { impressions: row.ib, clicks: row.cb, spend: row.sb },
            after: carried(row),
          },
    ),
    superseded:
      superseded === undefined ? nothing.superseded : { lines: superseded.superseded, ...carried(superseded) },
  };
}

async function recordDays(session: Session, target: PerformanceTarget, days: readonly DayChange[]): Promise<void> {
  const sums = [
    "impressions_before",
    "impressions_after",
    "clicks_before",
    "clicks_after",
    "spend_before",
    "spend_after",
  ];
  const added = ["inserted", "updated", ...sums];
  // A file whose lines are taken up again has its days already.
  await session.query(
    `insert into ops.file_days as d (_client_id, file_id, date, ${added.join(", ")})
     select $1, $2, * from unnest($3::date[], $4::bigint[], $5::bigint[], $6::numeric[], $7::numeric[], $8::numeric[], $9::numeric[], $10::numeric[], $11::numeric[])
     on conflict on constraint file_days_key do update set ${added.map((name) => `${name} = d.${name} + excluded.${name}`).join(", ")}`,
    [
      target.client,
      target.fileId,
      days.map(({ date }) => date),
      days.map(({ inserted }) => inserted),
      days.map(({ updated }) => updated),
      days.map(({ before }) => before.impressions),
      days.map(({ after }) => after.impressions),
      days.map(({ before }) => before.clicks),
      days.map(({ after }) => after.clicks),
      days.map(({ before }) => before.spend),
      days.map(({ after }) => after.spend),
    ],
  );
}

/** Once per creative, where a foreign key would look once per row. */
async function checkCreatives(session: Session, target: PerformanceTarget): Promise<void> {
  const unknown = `pg_temp.touched t where not exists (select from rtb.creatives c where c._client_id = $1 and c.creative_id = t.creative_id)`;
  if (target.createStubs) {
    await session.query(
      `insert into rtb.creatives (_client_id, creative_id, is_stub) select $1, creative_id, true from ${unknown} order by creative_id
       on conflict on constraint creatives_key do nothing`,
      [target.client],
    );
    return;
  }
  const { rows } = await session.query<{ id: string }>(
    `select creative_id::text as id from ${unknown} order by creative_id limit 5`,
    [target.client],
  );
  if (rows.length > 0) throw new UnknownCreatives(rows.map(({ id }) => id));
}

/** The ids of a client's creatives, to check lines against. */
export async function readKnownCreatives(database: Queryable, client: string): Promise<Set<string>> {
  const { rows } = await database.query<[string]>({
    text: "select creative_id::text from rtb.creatives where _client_id = $1",
    values: [client],
    rowMode: "array",
  } as never);
  return new Set(rows.map(([id]) => id));
}

function carriedBy(parts: readonly Carried[]): Carried {
  return {
    impressions: sumMoney(parts.map(({ impressions }) => impressions)),
    clicks: sumMoney(parts.map(({ clicks }) => clicks)),
    spend: sumMoney(parts.map(({ spend }) => spend)),
  };
}

function without(all: Carried, part: Carried): Carried {
  return {
    impressions: subtractMoney(all.impressions, part.impressions),
    clicks: subtractMoney(all.clicks, part.clicks),
    spend: subtractMoney(all.spend, part.spend),
  };
}
