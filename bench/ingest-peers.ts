import type { Database } from "../schema/database.ts";

export type Peer = "psql" | "lean" | "dlt" | "sling" | "loop";

/** Where a peer's rows end up. dlt and sling make their tables themselves. */
export function peerTable(peer: Peer): string {
  return `peer_${peer}.performance_metrics`;
}

export async function dropPeerTables(database: Database, peer: Peer): Promise<void> {
  await database.query(`drop schema if exists peer_${peer} cascade`);
  await database.query(`drop schema if exists peer_${peer}_staging cascade`);
}

/** The tables as the documentation has them: a number of its own for every row, a foreign key, a unique key. */
export async function makePeerTables(database: Database, peer: Peer, creatives: readonly string[]): Promise<void> {
  if (peer === "dlt") return;
  const schema = `peer_${peer}`;
  await database.query(`create schema ${schema}`);
  if (peer === "sling") return;
  if (peer === "lean") {
    await database.query(`
      create table ${schema}.performance_metrics (
        creative_id bigint, date date, impressions bigint, clicks bigint, spend numeric(18, 6), geography text collate "C", device_type text collate "C",
        primary key (creative_id, date, geography, device_type)
      ) with (fillfactor = 66)`);
    return;
  }
  await database.query(`create table ${schema}.creatives (id bigint primary key)`);
  await database.query(`insert into ${schema}.creatives select unnest($1::bigint[])`, [creatives]);
  await database.query(`
    create table ${schema}.performance_metrics (
      id bigint generated always as identity primary key,
      creative_id bigint not null references ${schema}.creatives (id),
      date date not null,
      hour integer check (hour between 0 and 23),
      impressions bigint default 0,
      clicks bigint default 0,
      spend numeric(18, 6) default 0,
      cpm numeric,
      cpc numeric,
      geography varchar(2),
      device_type varchar(20),
      placement varchar(100),
      created_at timestamptz default now(),
      updated_at timestamptz default now(),
      unique nulls not distinct (creative_id, date, hour, geography, device_type, placement)
    )`);
}

export const peerColumns = [
  "creative_id",
  "date",
  "impressions",
  "clicks",
  "spend",
  "geography",
  "device_type",
] as const;

/** What happens to a row that is there already. */
export const peerConflict = `on conflict (creative_id, date, hour, geography, device_type, placement) do update
  set impressions = excluded.impressions, clicks = excluded.clicks, spend = excluded.spend, cpm = excluded.cpm, cpc = excluded.cpc, updated_at = now()`;

/** The least that a server has to do for a table with a key: no check, no number of its own, no other table. */
export function leanScript(file: string): string {
  return `
begin;
create temp table staged (like ${peerTable("lean")}) on commit drop;
\\copy staged from '${file.replaceAll("'", "''")}' with (format csv, header)
insert into ${peerTable("lean")} select * from staged
on conflict (creative_id, date, geography, device_type) do update
  set impressions = excluded.impressions, clicks = excluded.clicks, spend = excluded.spend;
commit;
`;
}

/** The checks and the merge in one statement over what `\copy` put into a temporary table. */
export function psqlScript(file: string): string {
  return `
begin;
create temp table staged (creative_id bigint, date date, impressions bigint, clicks bigint, spend numeric(18, 6), geography text, device_type text) on commit drop;
\\copy staged from '${file.replaceAll("'", "''")}' with (format csv, header)
insert into ${peerTable("psql")} (creative_id, date, impressions, clicks, spend, cpm, cpc, geography, device_type)
select creative_id, date, impressions, clicks, spend, spend / nullif(impressions, 0) * 1000, spend / nullif(clicks, 0), geography, device_type
  from staged
 where date <= current_date and clicks <= impressions and clicks >= 0 and impressions >= 0 and spend >= 0
   and geography ~ '^[A-Z]{2}$' and device_type in ('mobile', 'desktop', 'tablet')
${peerConflict};
commit;
`;
}

/** dlt as its documentation has it for files that fit Arrow: no check, the table is its own. */
export const dltProgram = `
import os
import sys

import dlt
import pyarrow as pa
import pyarrow.csv

columns = {
    "creative_id": pa.int64(), "date": pa.date32(), "impressions": pa.int64(), "clicks": pa.int64(),
    "spend": pa.decimal128(18, 6), "geography": pa.string(), "device_type": pa.string(),
}

@dlt.resource(
    name="performance_metrics",
    write_disposition={"disposition": "merge", "strategy": "upsert"},
    primary_key=["creative_id", "date", "geography", "device_type"],
)
def performance_metrics(file):
    with pa.csv.open_csv(file, convert_options=pa.csv.ConvertOptions(column_types=columns)) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])

# Nothing is looked for that an earlier run may have left at the destination, and nothing is sent elsewhere.
dlt.config["restore_from_destination"] = False
pipeline = dlt.pipeline(
    "ingest_bench", pipelines_dir=os.path.join(os.path.dirname(__file__), "dlt"), dataset_name="peer_dlt",
    destination=dlt.destinations.postgres(os.environ["DATABASE_URL"]),
)
pipeline.run(performance_metrics(sys.argv[1]), loader_file_format="csv").raise_on_failed_jobs()
`;

/** sling by its command line: rows whose key is there are updated. */
export function slingArguments(file: string): string[] {
  return [
    ...["run", "--src-stream", `file://${file}`, "--tgt-conn", "TARGET", "--tgt-object", peerTable("sling")],
    ...["--mode", "incremental", "--primary-key", "creative_id,date,geography,device_type"],
    ...[
      "--columns",
      JSON.stringify({
        creative_id: "bigint",
        date: "date",
        impressions: "bigint",
        clicks: "bigint",
        spend: "decimal",
      }),
    ],
  ];
}
