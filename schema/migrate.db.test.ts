import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { is, SQL } from "drizzle-orm";
import { getTableConfig, isPgSequence, PgDialect, PgTable } from "drizzle-orm/pg-core";
import pg from "pg";
import { mergeKey } from "./merge-key.ts";
import { migrateDatabase, pendingMigrations } from "./migrate.ts";

jest.setTimeout(60_000);

const files = (await readdir(import.meta.dirname)).filter((file) => /^[a-z-]+\.ts$/.test(file));
const modules = await Promise.all(files.map((file) => import(`./${file}`) as Promise<Record<string, unknown>>));
const declared = modules.flatMap((one) => Object.values(one));
const tables = declared.filter((one): one is PgTable => is(one, PgTable));
const server = () => new URL(process.env["TEST_DATABASE_URL"] ?? "");
const name = `test_${randomBytes(6).toString("hex")}`;
const url = () => Object.assign(server(), { pathname: `/${name}` }).href;

let client: pg.Client;

async function administer(statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: Object.assign(server(), { pathname: "/postgres" }).href });
  await admin.connect();
  await admin.query(statement).finally(() => admin.end());
}

beforeAll(async () => {
  await administer(`create database ${name}`);
  client = new pg.Client({ connectionString: url() });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await administer(`drop database if exists ${name} with (force)`);
});

test("an empty database has everything pending; three migrations at once apply it once, a later one nothing", async () => {
  const all = await pendingMigrations(client);
  expect(all).toBeGreaterThan(0);
  const done = await Promise.all([migrateDatabase(url()), migrateDatabase(url()), migrateDatabase(url())]);
  expect(done.map(({ applied }) => applied).sort()).toEqual([0, 0, all]);
  expect(await pendingMigrations(client)).toBe(0);
  expect(await migrateDatabase(url())).toEqual({ applied: 0 });
});

test("migrating again keeps rows, views, comments and what was granted", async () => {
  const shape = async () =>
    (
      await client.query(
        `select format('%s.%s', n.nspname, c.relname) as name, c.relkind, c.relacl::text, obj_description(c.oid) as comment, c.oid
         from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('ops', 'redtrack') order by 1`,
      )
    ).rows;
  await client.query("insert into ops.coverage values ('713', 'redtrack.daily_spend', '2025-12-01')");
  const before = await shape();
  await migrateDatabase(url());
  expect(await shape()).toEqual(before);
  expect((await client.query("select count(*)::int as count from ops.coverage")).rows).toEqual([{ count: 1 }]);
});

test("with nothing to do it waits for nobody who reads, and nobody waits for it", async () => {
  const reader = new pg.Client({ connectionString: url() });
  await reader.connect();
  try {
    await reader.query("begin");
    await reader.query("select * from ops.freshness; select * from public.cpa_daily; select * from rtb.performance");
    expect(await migrateDatabase(url(), { lockTimeoutMs: 50, tries: 1 })).toEqual({ applied: 0 });
  } finally {
    await reader.end();
  }
});

test("a view whose text has changed is replaced, and the others are not touched", async () => {
  await client.query("update ops.applied_sql set hash = 'of an older text' where file = './views/ops.sql'");
  const at = async () =>
    new Map(
      (await client.query<{ file: string; at: Date }>("select file, applied_at as at from ops.applied_sql")).rows.map(
        (row) => [row.file, row.at.getTime()],
      ),
    );
  const before = await at();
  await migrateDatabase(url());
  const after = await at();
  const replaced = [...after].filter(([file, moment]) => moment !== before.get(file)).map(([file]) => file);
  expect(replaced.sort()).toEqual(["./grants.sql", "./views/ops.sql"]);
  const { rows } = await client.query(
    "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'v' and n.nspname = 'ops' and not coalesce(c.reloptions @> array['security_invoker=true'], false)",
  );
  expect(rows).toEqual([]);
});

test("a lock that is not to be had is asked for again, then given up with the name of who holds it", async () => {
  const reader = new pg.Client({ connectionString: url(), application_name: "an analyst's tool" });
  await reader.connect();
  try {
    await reader.query("begin");
    await reader.query("select * from ops.freshness");
    await client.query("update ops.applied_sql set hash = 'of an older text' where file = './views/ops.sql'");
    const waits: string[] = [];
    const blocked = migrateDatabase(url(), { lockTimeoutMs: 50, tries: 2, onWait: (text) => waits.push(text) });
    await expect(blocked).rejects.toThrow(/not changed: .*an analyst's tool \(process \d+, user .*ops\.freshness/);
    expect(waits).toEqual([expect.stringMatching(/^waiting for a lock, try 1 of 2: an analyst's tool/)]);
  } finally {
    await reader.end();
  }
  expect(await migrateDatabase(url())).toEqual({ applied: 0 });
});

describe("the migrated database is the one the code declares", () => {
  const dialect = new PgDialect();
  const sqlOf = (value: unknown): string =>
    is(value, SQL)
      ? dialect.sqlToQuery(value).sql
      : typeof value === "object"
        ? `'${JSON.stringify(value)}'`
        : `'${String(value)}'`;

  test("every table of it, and no other", async () => {
    const { rows } = await client.query<{ name: string }>(
      "select format('%s.%s', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1",
    );
    const wanted = tables
      .map((table) => getTableConfig(table))
      .map(({ schema, name: table }) => `${schema ?? "public"}.${table}`);
    expect(rows.map((row) => row.name)).toEqual([...wanted, "ops.migrations"].sort());
  });

  test("every sequence", async () => {
    for (const sequence of declared.filter(isPgSequence)) {
      const { rows } = await client.query("select to_regclass($1) is not null as there", [
        `${sequence.schema}.${sequence.seqName}`,
      ]);
      expect(rows).toEqual([{ there: true }]);
    }
  });

  test.each(
    tables.map(
      (table) => [`${getTableConfig(table).schema ?? "public"}.${getTableConfig(table).name}`, table] as const,
    ),
  )("%s, column by column", async (where, table) => {
    const { columns, primaryKeys, uniqueConstraints, checks, indexes } = getTableConfig(table);
    const { rows } = await client.query(
      `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as "notNull", a.attidentity <> '' as identity, pg_get_expr(d.adbin, d.adrelid) is not null as "hasDefault"
         from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
      [where],
    );
    expect(rows).toEqual(
      columns.map((column) => ({
        name: column.name,
        type: column.getSQLType().replace(/, /g, ","),
        notNull: column.notNull,
        identity: column.generatedIdentity !== undefined,
        // Postgres keeps what computes a column where it keeps defaults.
        hasDefault: column.generated !== undefined || (column.hasDefault && column.generatedIdentity === undefined),
      })),
    );
    for (const column of columns.filter(({ default: value }) => value !== undefined)) {
      const { rows: same } = await client.query<{ same: boolean }>(
        `select pg_get_expr(d.adbin, d.adrelid) as stored from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum where d.adrelid = $1::regclass and a.attname = $2`,
        [where, column.name],
      );
      const stored = (same[0] as unknown as { stored: string }).stored
        .replace(/::[\w ]+(\[\])?$/, "")
        .replace(/^\((.*)\)$/, "$1");
      expect(stored.replaceAll("'", "")).toBe(
        sqlOf(column.default)
          .replaceAll("'", "")
          .replace(/::\w+$/, ""),
      );
    }
    const constraints = await client.query<{
      name: string;
      type: string;
      columns: string[];
      nullsEqual: boolean | null;
    }>(
      `select c.conname as name, c.contype as type, i.indnullsnotdistinct as "nullsEqual",
              array(select a.attname::text from unnest(c.conkey) with ordinality k(num, place) join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.num order by k.place) as columns
         from pg_constraint c left join pg_index i on i.indexrelid = c.conindid where c.conrelid = $1::regclass and c.contype in ('p', 'u', 'c')`,
      [where],
    );
    const stored = constraints.rows;
    const keys = [
      ...primaryKeys.map((key) => ({
        name: key.getName(),
        type: "p",
        columns: key.columns.map((column) => column.name),
      })),
      ...columns
        .filter((column) => column.primary)
        .map((column) => ({ name: `${getTableConfig(table).name}_pkey`, type: "p", columns: [column.name] })),
      ...uniqueConstraints.map((key) => ({
        name: key.getName(),
        type: "u",
        columns: key.columns.map((column) => column.name),
      })),
    ];
    expect(
      stored
        .filter(({ type }) => type !== "c")
        .map(({ name: key, type, columns: of }) => ({ name: key, type, columns: of })),
    ).toEqual(expect.arrayContaining(keys));
    expect(stored.filter(({ type }) => type !== "c")).toHaveLength(keys.length);
    // The merge treats missing parts of a key as equal; so must the database.
    const mergedBy = stored.filter(({ name, type }) => type === "u" && name === `${getTableConfig(table).name}_key`);
    for (const { nullsEqual } of mergedBy) expect(nullsEqual).toBe(true);
    expect(
      stored
        .filter(({ type }) => type === "c")
        .map((one) => one.name)
        .sort(),
    ).toEqual(checks.map((check) => check.name).sort());
    const indexed = await client.query<{ name: string; unique: boolean; partial: boolean }>(
      `select c.relname as name, i.indisunique as unique, i.indpred is not null as partial from pg_index i join pg_class c on c.oid = i.indexrelid
        where i.indrelid = $1::regclass and not exists (select from pg_constraint k where k.conindid = i.indexrelid) order by 1`,
      [where],
    );
    expect(indexed.rows).toEqual(
      indexes
        .map(({ config }) => ({ name: config.name, unique: config.unique, partial: config.where !== undefined }))
        .sort((one, other) => ((one.name ?? "") < (other.name ?? "") ? -1 : 1)),
    );
  });

  test("every table that slices are merged into can be found by its slice", async () => {
    const has = (table: (typeof tables)[number], name: string) =>
      getTableConfig(table).columns.some((column) => column.name === name);
    // Sums name the slice of their rows, and are not merged themselves.
    for (const table of tables.filter((one) => has(one, "_slice") && has(one, "_run_id"))) {
      const { schema, name: of } = getTableConfig(table);
      expect(mergeKey(table)[0]?.name).toBe("_client_id");
      const { rows } = await client.query(
        "select from pg_indexes where schemaname = $1 and tablename = $2 and indexdef like '%(_client_id, _slice%'",
        [schema, of],
      );
      expect([of, rows.length]).toEqual([of, 1]);
    }
  });
});
