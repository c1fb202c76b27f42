import { readFile } from "node:fs/promises";
import path from "node:path";
import { projectRoot } from "../../settings/environment.ts";
import { withConnection, type Queryable } from "../../schema/database.ts";
import { migrateDatabase, pendingMigrations } from "../../schema/migrate.ts";
import { startBenchPostgres } from "../stack.ts";
import { finding, type Drill } from "./drill.ts";

/** A table of the first release with the columns it had then. */
interface Table {
  name: string;
  columns: string[];
}

/** What later releases call it: columns, and a value. */
const renamed: Record<string, string> = {
  "ops.receipts set_aside": "quarantined",
  "ops.receipts set_aside_total": "quarantined_total",
  "ops.run_failures healed_at": "recovered_at",
};
const renamedValues: Record<string, string> = {
  "ops.runs outcome": "case outcome when 'healed' then 'recovered' else outcome end",
};

interface Content {
  rows: number;
  hash: string;
}

export const oldDatabase: Drill = {
  rows: [32],
  name: "old-database",
  done: "a database with rows as the first release left it, migrated by two processes at once, and once more",
  expected: "each migration applied once, every old row and sum the same",
  isShort: true,
  run: async () => {
    const { postgres, stop } = await startBenchPostgres();
    try {
      return await withConnection({ url: postgres.url, name: "drill" }, (client) =>
        migrateAndCompare(client, postgres.url),
      );
    } finally {
      await stop();
    }
  },
};

async function migrateAndCompare(client: Queryable, url: string) {
  await client.query(await readFile(path.join(projectRoot(), "bench/drills/first-release.sql"), "utf8"));
  const tables = await listTables(client);
  const before = await readAll(client, tables, renamedValues);
  const costBefore = await sumCost(client);
  const pending = await pendingMigrations(client);
  const applied = (await Promise.all([migrateDatabase(url), migrateDatabase(url)])).map((done) => done.applied);
  const again = (await migrateDatabase(url)).applied;
  const after = await readAll(client, tables, renamed);
  const costAfter = await sumCost(client);
  const changed = tables.filter(({ name }) => before.get(name)?.hash !== after.get(name)?.hash).map(({ name }) => name);
  const empty = tables.filter(({ name }) => (before.get(name)?.rows ?? 0) === 0).map(({ name }) => name);
  const rows = [...before.values()].reduce((sum, content) => sum + content.rows, 0);
  return finding(
    pending > 0 &&
      Math.max(...applied) === pending &&
      Math.min(...applied) === 0 &&
      again === 0 &&
      (await pendingMigrations(client)) === 0 &&
      changed.length === 0 &&
      empty.length === 0 &&
      costBefore === costAfter,
    `${pending} migrations, applied ${applied.join(" and ")}, then ${again}; ${rows} rows in ${tables.length} tables, ${
      changed.length === 0 ? "all as they were" : `changed in ${changed.join(", ")}`
    }; cost ${costBefore} before and ${costAfter} after`,
  );
}

async function listTables(client: Queryable): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `select format('%I.%I', table_schema, table_name) as name, array_agg(format('%I', column_name) order by ordinal_position) as columns
       from information_schema.columns
      where table_schema in ('ops', 'redtrack') and table_name <> 'migrations' group by 1 order by 1`,
  );
  return rows;
}

/** The old columns alone: what a migration adds is its own business. */
async function readAll(
  client: Queryable,
  tables: readonly Table[],
  names: Record<string, string>,
): Promise<Map<string, Content>> {
  const contents = new Map<string, Content>();
  for (const { name, columns } of tables) {
    const read = columns.map((column) => names[`${name} ${column}`] ?? column);
    const { rows } = await client.query<{ rows: string; hash: string }>(
      `select count(*) as rows, md5(string_agg(line, E'\\n' order by line)) as hash from (select row(${read.join(", ")})::text as line from ${name}) t`,
    );
    const [found] = rows;
    contents.set(name, { rows: Number(found?.rows), hash: found?.hash ?? "" });
  }
  return contents;
}

async function sumCost(client: Queryable): Promise<string> {
  return (
    (await client.query<{ sum: string }>("select sum(cost)::text as sum from redtrack.daily_spend")).rows[0]?.sum ?? ""
  );
}
