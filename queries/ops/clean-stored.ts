import { isDeepStrictEqual } from "node:util";
import { inTransaction, sqlState, type Database, type Session } from "../../schema/database.ts";
import { recordAudit } from "./audit.ts";
import { editionOfRules, storedTexts, type StoredRow, type StoredTexts } from "./stored-texts.ts";

export interface Cleaning {
  /** After this no further step begins. */
  forMs: number;
  /** Rows to a transaction: what writes to them waits for no more than these. */
  atOnce?: number;
  edition?: number;
  /** Only tables that refuse every change, for the owner who may pass that. */
  onlyGuarded?: boolean;
}

/**
 * Cleans texts that were stored before they were cleaned on their way in, step by step, each with its place in the same
 * commit: it can be stopped anywhere and goes on there. A table that was read to its end is not read again until the rules
 * change. Answers how many rows were changed.
 */
export async function cleanStored(database: Database, cleaning: Cleaning): Promise<number> {
  const { forMs, atOnce = 1_000, edition = editionOfRules, onlyGuarded = false } = cleaning;
  const until = performance.now() + forMs;
  const { rows } = await database.query<{ name: string }>(
    "select table_name as name from ops.cleanings where edition >= $1 and finished_at is not null",
    [edition],
  );
  const done = new Set(rows.map(({ name }) => name));
  let changed = 0;
  const left = storedTexts.filter(({ table, onlyGrows }) => !done.has(table) && (onlyGrows === true || !onlyGuarded));
  for (const texts of left) {
    for (let isOver = false; !isOver;) {
      const step = await inTransaction(database, (session) => cleanStep(session, texts, { atOnce, edition })).catch(
        laterWhereLocked,
      );
      changed += step.changed;
      isOver = step.isOver;
      if (performance.now() >= until) return changed;
    }
  }
  return changed;
}

interface Step {
  changed: number;
  /** There is nothing more to do in this table, or not now. */
  isOver: boolean;
}

const nothing: Step = { changed: 0, isOver: true };
const lockTimeout = "2s";

/** 55P03: somebody works in the table for long. The next time is soon enough. */
function laterWhereLocked(error: unknown): Step {
  if (sqlState(error) !== "55P03") throw error;
  return nothing;
}

async function cleanStep(
  session: Session,
  texts: StoredTexts,
  { atOnce, edition }: { atOnce: number; edition: number },
): Promise<Step> {
  if (texts.onlyGrows === true && !(await isOwner(session, texts.table))) return nothing;
  const place = await takePlace(session, texts.table, edition);
  if (place === null) return nothing;
  const rows = await readRows(session, texts, { after: place.after, atOnce });
  const unclean = rows.filter((row) => changeOf(texts, row) !== null);
  if (unclean.length > 0) await write(session, texts, unclean);
  const last = rows.at(-1);
  const isOver = rows.length < atOnce;
  await session.query(
    `update ops.cleanings set after = coalesce($2, after), changed = changed + $3, finished_at = case when $4 then now() end, updated_at = now()
      where table_name = $1`,
    [
      texts.table,
      last === undefined ? null : JSON.stringify(texts.key.map(([column]) => String(last[column]))),
      unclean.length,
      isOver,
    ],
  );
  return { changed: unclean.length, isOver };
}

async function isOwner(session: Session, table: string): Promise<boolean> {
  const { rows } = await session.query<{ is: boolean }>(
    "select pg_has_role(relowner, 'usage') as is from pg_class where oid = $1::regclass",
    [table],
  );
  return rows.some((row) => row.is);
}

/** How far it got, with a lock on it: of two processes one goes on. Null where a newer version's rules have begun. */
async function takePlace(session: Session, table: string, edition: number): Promise<{ after: string[] | null } | null> {
  const { rows } = await session.query<{ after: string[] | null; edition: number; isFinished: boolean }>(
    `insert into ops.cleanings as c (table_name, edition) values ($1, $2)
     on conflict (table_name) do update set edition = greatest(c.edition, excluded.edition),
        after = case when c.edition >= excluded.edition then c.after end,
        finished_at = case when c.edition >= excluded.edition then c.finished_at end
     returning after, edition, finished_at is not null as "isFinished"`,
    [table, edition],
  );
  const [place] = rows;
  return place === undefined || place.edition > edition || place.isFinished ? null : place;
}

const columnsOf = ({ key, columns }: StoredTexts) =>
  [...new Set([...key.map(([column]) => column), ...columns])].join(", ");

async function readRows(
  session: Session,
  texts: StoredTexts,
  { after, atOnce }: { after: string[] | null; atOnce: number },
): Promise<StoredRow[]> {
  const { table, key } = texts;
  const names = key.map(([column]) => column).join(", ");
  const from = key.map(([, type], index) => `$${index + 3}::${type}`).join(", ");
  const { rows } = await session.query<StoredRow>(
    `select ${columnsOf(texts)} from ${table} where $2::boolean or (${names}) > (${from}) order by ${names} limit $1`,
    [atOnce, after === null, ...key.map((_column, index) => after?.[index] ?? null)],
  );
  return rows;
}

/** The columns that would be stored otherwise today; null where there is none. */
function changeOf({ kept }: StoredTexts, row: StoredRow): StoredRow | null {
  const differing = Object.entries(kept(row)).filter(([column, value]) => !isDeepStrictEqual(value, row[column]));
  return differing.length === 0 ? null : Object.fromEntries(differing);
}

async function write(session: Session, texts: StoredTexts, unclean: readonly StoredRow[]): Promise<void> {
  const { table, onlyGrows } = texts;
  if (onlyGrows === true) {
    await session.query(`set local lock_timeout = '${lockTimeout}'`);
    await session.query(`alter table ${table} disable trigger only_grows`);
  }
  // One after the other: two alerts of one file may come to have one name.
  for (const row of unclean) await writeRow(session, texts, row);
  if (onlyGrows !== true) return;
  await session.query(`alter table ${table} enable always trigger only_grows`);
  // A log that was changed says so.
  await recordAudit(session, {
    actor: "pipeline",
    role: null,
    client: null,
    action: "texts_cleaned",
    subject: table,
    details: { rows: unclean.length },
  });
}

/** Read once more, with a lock: somebody may have written to it meanwhile. */
async function writeRow(session: Session, texts: StoredTexts, row: StoredRow): Promise<void> {
  const { table, key, besides } = texts;
  const isRow = (prefix: string) =>
    key.map(([column, type], index) => `${prefix}${column} = $${index + 1}::${type}`).join(" and ");
  const ofRow = key.map(([column]) => row[column]);
  const { rows } = await session.query<StoredRow>(
    `select ${columnsOf(texts)} from ${table} where ${isRow("")} for update`,
    ofRow,
  );
  for (const locked of rows) {
    const change = changeOf(texts, locked);
    if (change === null) continue;
    const set = Object.keys(change).map((column) => `${column} = s.${column}`);
    await session.query(
      `update ${table} t set ${[...set, ...(besides === undefined ? [] : [besides])].join(", ")}
         from jsonb_populate_record(null::${table}, $${key.length + 1}::jsonb) s where ${isRow("t.")}`,
      [...ofRow, JSON.stringify(change)],
    );
  }
}
