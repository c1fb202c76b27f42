// The loop that is written when somebody needs a CSV in Postgres: parse to objects, check, 1,000 rows a statement.
import { createReadStream } from "node:fs";
import { parse } from "csv-parse";
import { openDatabase } from "../schema/database.ts";
import { begin } from "./ingest-child.ts";
import { peerColumns, peerConflict, peerTable } from "./ingest-peers.ts";

const [file = ""] = process.argv.slice(2);
const rowsAtOnce = 1_000;
const database = openDatabase({
  url: process.env["DATABASE_URL"] ?? "",
  poolSize: 1,
  name: "bench loop",
  onError: () => undefined,
});
const session = await database.connect();
await begin();
const today = new Date().toISOString().slice(0, 10);
await session.query("begin");
let batch: string[] = [];
for await (const record of createReadStream(file).pipe(parse({ columns: true }))) {
  const row = record as Record<(typeof peerColumns)[number], string>;
  if (!/^\d+$/.test(row.creative_id) || !/^\d{4}-\d\d-\d\d$/.test(row.date) || row.date > today) continue;
  if (Number(row.clicks) > Number(row.impressions) || Number(row.clicks) < 0 || Number(row.spend) < 0) continue;
  batch.push(...peerColumns.map((column) => row[column]));
  if (batch.length >= rowsAtOnce * peerColumns.length) await flush();
}
await flush();
await session.query("commit");
session.release();
await database.end();

async function flush(): Promise<void> {
  if (batch.length === 0) return;
  const width = peerColumns.length;
  const rows = Array.from(
    { length: batch.length / width },
    (_, row) => `(${peerColumns.map((_column, at) => `$${row * width + at + 1}`).join(", ")})`,
  );
  await session.query(
    `insert into ${peerTable("loop")} (${peerColumns.join(", ")}) values ${rows.join(", ")} ${peerConflict}`,
    batch,
  );
  batch = [];
}
