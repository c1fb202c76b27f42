import type { Column, Engine } from "../../sandbox/warehouses/mock-warehouse.ts";
import type { Database } from "../../schema/database.ts";

/** By Postgres' numbers of its types. */
const types: Record<number, Column["type"]> = {
  ...{ 16: "other", 20: "integer", 21: "integer", 23: "integer", 25: "text", 1043: "text" },
  ...{ 700: "float", 701: "float", 1082: "date", 1700: "numeric" },
};
const place = "mock_place";

interface Described {
  fields: { name: string; dataTypeID: number }[];
  rows: (string | null)[][];
}

/** A mock warehouse computes in Postgres. Results are tables there, so that a page is read when it is asked for. */
export function postgresEngine(database: Database): Engine {
  const ask = (text: string) =>
    database.query({
      text,
      rowMode: "array",
      // Each value as Postgres writes it.
      types: { getTypeParser: () => (value: unknown) => value },
    } as never) as unknown as Promise<Described>;
  const columnsOf = ({ fields }: Described): Column[] =>
    fields
      .filter(({ name }) => name !== place)
      .map(({ name, dataTypeID }) => ({ name, type: types[dataTypeID] ?? "other" }));
  return {
    check: async (statement) => columnsOf(await ask(`select * from (${statement}) q limit 0`)),
    async run(name, statement) {
      await ask("create schema if not exists mock_results");
      await ask(
        `create table mock_results."${name}" as select row_number() over () as ${place}, q.* from (${statement}) q`,
      );
      await ask(`create unique index on mock_results."${name}" (${place})`);
      const [counted] = (await ask(`select count(*) from mock_results."${name}"`)).rows;
      return {
        columns: columnsOf(await ask(`select * from mock_results."${name}" limit 0`)),
        rows: Number(counted?.[0]),
      };
    },
    async page(name, from, count) {
      const { rows } = await ask(
        `select * from mock_results."${name}" where ${place} > ${from} and ${place} <= ${from + count} order by ${place}`,
      );
      return rows.map((row) => row.slice(1));
    },
  };
}
