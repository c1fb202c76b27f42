import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { issueReader, readerOf, removeReader } from "../queries/ops/readers.ts";
import { openDatabase, sqlState, type Database } from "./database.ts";
import { testDatabase, type TestDatabase } from "../test/database.ts";
import { cleanStored } from "../queries/ops/clean-stored.ts";
import { storedTexts } from "../queries/ops/stored-texts.ts";

/** Roles are the server's, and other tests run on it: these are this run's own. */
const run = randomBytes(4).toString("hex");
const [ours, theirs, nobody] = [`a${run}`, `b${run}`, `c${run}`];
const logins = { staff: `staff_${run}`, writer: `writer_${run}` };
const password = randomBytes(12).toString("hex");

interface Relation {
  name: string;
  isView: boolean;
  columns: { name: string; type: string; isSecret: boolean }[];
}

let database: TestDatabase;
let relations: Relation[];
let filled: string[];
const pools: Database[] = [];
let as: Record<"staff" | "writer" | "ours" | "nobody", Database>;

function connect(user: string, secret = password): Database {
  const url = Object.assign(new URL(database.url), { username: user, password: secret }).href;
  const pool = openDatabase({ url, poolSize: 2, name: `as ${user}` });
  pools.push(pool);
  return pool;
}

beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  for (const [name, group] of [
    [logins.staff, "signal_room_reader"],
    [logins.writer, "signal_room_writer"],
  ])
    await pool.query(`create role ${name} login password '${password}' in role ${group}`);
  for (const client of [ours, nobody]) await issueReader(pool, { client, password });
  as = {
    staff: connect(logins.staff),
    writer: connect(logins.writer),
    ours: connect(readerOf(ours)),
    nobody: connect(readerOf(nobody)),
  };
  relations = await readRelations();
  filled = await fill();
}, 120_000);

afterAll(async () => {
  for (const pool of pools) await pool.end();
  for (const client of [ours, nobody]) await removeReader(database.pool, client);
  await database.pool.query(`drop role ${logins.staff}; drop role ${logins.writer}`);
  await database.drop();
});

async function readRelations(): Promise<Relation[]> {
  const { rows } = await database.pool.query<Relation>(
    `select format('%s.%s', n.nspname, c.relname) as name, c.relkind = 'v' as "isView",
            json_agg(json_build_object('name', quote_ident(a.attname), 'type', format_type(a.atttypid, null),
              'isSecret', a.atttypid = 'bytea'::regtype or a.attname ~ 'sealed|key_hash|email_hash|user_hash|ip_hash|body_hash') order by a.attnum) as columns
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relkind in ('r', 'p', 'v') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
      group by 1, 2 order by 1`,
  );
  return rows;
}

/** A row of each of two clients in every table that takes one made of its columns' types alone. */
async function fill(): Promise<string[]> {
  const made: string[] = [];
  for (const { name } of relations.filter(({ isView }) => !isView)) {
    const { rows: columns } = await database.pool.query<{ name: string; type: string }>(
      `select quote_ident(attname) as name, format_type(atttypid, null) as type from pg_attribute a
        where attrelid = $1::regclass and attnum > 0 and not attisdropped and attnotnull and not atthasdef and attidentity = ''`,
      [name],
    );
    if (!columns.some((column) => column.name === "_client_id")) continue;
    const values = columns.map((column) => (column.name === "_client_id" ? "$1" : valueOf(column.type)));
    const statement = `insert into ${name} (${columns.map((column) => column.name).join(", ")}) values (${values.join(", ")})`;
    try {
      for (const client of [ours, theirs]) await database.pool.query(statement, [client]);
      made.push(name);
    } catch (error) {
      // What hangs on other rows, or has rules of its own, is filled by those who know them.
      if (!/^2[23]/.test(sqlState(error) ?? "")) throw error;
    }
  }
  return made;
}

function valueOf(type: string): string {
  if (type.endsWith("[]")) return "'{}'";
  if (/^(smallint|integer|bigint|numeric|double)/.test(type)) return "1";
  if (/^timestamp/.test(type)) return "now()";
  if (type === "date") return "current_date";
  if (type === "boolean") return "true";
  if (/^json/.test(type)) return "'{}'";
  if (type === "bytea") return "'\\x00'";
  return "gen_random_uuid()::text";
}

const refusal = async (pool: Database, statement: string) =>
  pool.query(statement).then(
    () => "allowed",
    (error: unknown) => sqlState(error),
  );
const readable = ({ columns }: Relation) =>
  columns
    .filter(({ isSecret }) => !isSecret)
    .map(({ name }) => name)
    .join(", ");

test("most tables have rows of two clients, or what follows would say nothing", () => {
  expect(filled.length).toBeGreaterThan(20);
  expect(filled).toEqual(expect.arrayContaining(["ops.quarantine", "redtrack.daily_spend", "recon.affiliates"]));
});

describe("the reader of one client", () => {
  test("sees no row of another's, in any table or through any view", async () => {
    const seen: string[] = [];
    for (const relation of relations) {
      const { rows } = await as.nobody
        .query<{ count: number }>(
          `select count(*)::int as count from (select ${readable(relation)} from ${relation.name}) r`,
        )
        .catch((error: unknown) => {
          if (sqlState(error) === "42501") return { rows: [] };
          throw error;
        });
      if ((rows[0]?.count ?? 0) > 0) seen.push(relation.name);
    }
    expect(seen).toEqual([]);
  });

  test("sees its own rows wherever the owner has some of them", async () => {
    const missing: string[] = [];
    for (const name of filled) {
      const { rows } = await as.ours
        .query<{ client: string }>(`select distinct _client_id as client from ${name}`)
        .catch(() => ({ rows: [] }));
      if (rows.length === 0) missing.push(name);
      else expect(rows).toEqual([{ client: ours }]);
    }
    // What is closed to every reader.
    expect(
      missing.filter(
        (name) =>
          !/^(ops\.(delivery_identity|revoked_tokens|slice_parts|sessions|login_codes|last_looks)|recon\.(affiliate_tokens|platform_config|report_evidence|discord_interactions))$/.test(
            name,
          ),
      ),
    ).toEqual([]);
  });

  test("cannot become anybody else", async () => {
    for (const statement of [
      `set role ${readerOf(nobody)}`,
      "set role signal_room_reader",
      "set role signal_room_writer",
      `set session authorization ${readerOf(nobody)}`,
      "set row_security = off; select * from ops.alerts",
      `alter role ${readerOf(ours)} rename to ${readerOf(theirs)}`,
      "create policy mine on ops.alerts using (true)",
    ])
      expect([statement, await refusal(as.ours, statement)]).toEqual([
        statement,
        expect.stringMatching(/^(42501|25006)$/),
      ]);
  });

  test("has a new password when it is issued again, and is nobody once it is removed", async () => {
    const client = `d${run}`;
    const [first, second] = ["first-password", "second-password"];
    expect(await issueReader(database.pool, { client, password: first })).toBe("created");
    expect(await refusal(connect(readerOf(client), first), "select 1")).toBe("allowed");
    expect(await issueReader(database.pool, { client, password: second })).toBe("rotated");
    expect(await refusal(connect(readerOf(client), first), "select 1")).toMatch(/^28/);
    expect(await refusal(connect(readerOf(client), second), "insert into ops.coverage values ('x','y',now())")).toMatch(
      /^(42501|25006)$/,
    );
    expect([await removeReader(database.pool, client), await removeReader(database.pool, client)]).toEqual([
      true,
      false,
    ]);
    expect(await refusal(connect(readerOf(client), second), "select 1")).toMatch(/^28/);
  });
});

describe("no reader", () => {
  test("reads a secret, in any table", async () => {
    const secrets = relations.flatMap(({ name, columns }) =>
      columns.filter(({ isSecret }) => isSecret).map((column) => ({ name, column: column.name })),
    );
    expect(secrets.length).toBeGreaterThan(5);
    for (const { name, column } of secrets)
      for (const pool of [as.staff, as.ours])
        expect([name, column, await refusal(pool, `select ${column} from ${name}`)]).toEqual([name, column, "42501"]);
    for (const name of ["ops.audit", "ops.revoked_tokens", "recon.affiliate_tokens", "ops.delivery_identity"])
      for (const pool of [as.staff, as.ours]) expect(await refusal(pool, `select count(*) from ${name}`)).toBe("42501");
  });

  test("writes, in any table, also where its session says that it may", async () => {
    const { rows } = await database.pool.query<{ name: string }>(
      `select format('%s may write %s', r.rolname, c.oid::regclass) as name
         from pg_roles r, pg_class c join pg_namespace n on n.oid = c.relnamespace
        where r.rolname = any($1) and c.relkind in ('r', 'p', 'v') and n.nspname !~ '^(pg_|information_schema)'
          and has_table_privilege(r.oid, c.oid, 'insert, update, delete, truncate, references, trigger')`,
      [[logins.staff, readerOf(ours)]],
    );
    expect(rows).toEqual([]);
    const session = await as.ours.connect();
    await session.query("set default_transaction_read_only = off");
    const refused = session.query("delete from ops.quarantine");
    await expect(refused).rejects.toMatchObject({ code: "42501" });
    session.release(true);
  });
});

test("the reader of all clients reads every view, and every table that is not closed", async () => {
  const closed: string[] = [];
  for (const relation of relations) {
    const state = await refusal(as.staff, `select ${readable(relation)} from ${relation.name} limit 1`);
    if (state !== "allowed") closed.push(relation.name);
  }
  expect(closed.filter((name) => !/performance_metrics_\d/.test(name))).toEqual([
    "ops.address_secrets",
    "ops.applied_sql",
    "ops.audit",
    "ops.call_counts",
    "ops.channel_deliveries",
    "ops.channels",
    "ops.cleanings",
    "ops.delivery_identity",
    "ops.last_looks",
    "ops.login_codes",
    "ops.migrations",
    "ops.revoked_tokens",
    "ops.sessions",
    "ops.slice_parts",
    "promo.promo_quarantine",
    "recon.affiliate_tokens",
    "recon.discord_interactions",
    "recon.platform_config",
    "recon.report_evidence",
  ]);
  const { rows } = await as.staff.query<{ clients: number }>(
    "select count(distinct _client_id)::int as clients from ops.quarantine",
  );
  expect(rows).toEqual([{ clients: 2 }]);
});

describe("the writer", () => {
  test("cleans what earlier versions stored, but for what only grows: that the owner does", async () => {
    const unfinished = async () => {
      const { rows } = await database.pool.query<{ name: string }>(
        "select n.name from unnest($1::text[]) n(name) left join ops.cleanings c on c.table_name = n.name where c.finished_at is null",
        [storedTexts.map(({ table }) => table)],
      );
      return rows.map(({ name }) => name);
    };
    await cleanStored(as.writer, { forMs: 30_000 });
    expect(await unfinished()).toEqual(["ops.audit"]);
    await cleanStored(database.pool, { forMs: 30_000, onlyGuarded: true });
    expect(await unfinished()).toEqual([]);
  });

  test("reads and writes rows of all clients, and makes the months that a file needs", async () => {
    const { pool } = database;
    const { rows } = await as.writer.query<{ clients: number }>(
      "select count(distinct _client_id)::int as clients from ops.quarantine",
    );
    expect(rows).toEqual([{ clients: 2 }]);
    const added = await as.writer.query("insert into ops.coverage values ($1, 'redtrack.daily_spend', '2031-01-01')", [
      ours,
    ]);
    const removed = await as.writer.query("delete from ops.coverage where covered_from = '2031-01-01'");
    expect([added.rowCount, removed.rowCount]).toEqual([1, 1]);
    await as.writer.query("select rtb.ensure_months(array['2031-01-05'::date])");
    const made = await pool.query("select to_regclass('rtb.performance_metrics_2031_01') is not null as there");
    expect(made.rows).toEqual([{ there: true }]);
  });

  test("changes no table, no role and nothing of the audit log", async () => {
    for (const statement of [
      "create table ops.mine (a int)",
      "drop table ops.alerts",
      "alter table ops.audit disable trigger only_grows",
      "alter table ops.alerts disable row level security",
      "create role mine",
      "set role signal_room",
    ])
      expect([statement, await refusal(as.writer, statement)]).toEqual([statement, "42501"]);
    for (const statement of ["update ops.audit set actor = 'x'", "delete from ops.audit"])
      expect(await refusal(as.writer, statement)).toBe("23001");
  });
});
