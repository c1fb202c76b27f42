// The loop most people write to get a CSV into Postgres: parse to objects, check, compute the ratios, 1,000 rows
// a statement.
import { createReadStream } from "node:fs";
import { parse } from "csv-parse";
import { openDatabase } from "../schema/database.ts";
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
const today = new Date().toISOString().slice(0, 10);
const columns = [...peerColumns, "cpm", "cpc"] as const;
const known = new Set(
  (
    await session.query<{ id: string }>(`select id::text as id from ${peerTable("loop").split(".")[0]}.creatives`)
  ).rows.map(({ id }) => id),
);
await session.query("begin");
let batch: (string | number | null)[] = [];
for await (const record of createReadStream(file).pipe(parse({ columns: true }))) {
  const row = record as Record<(typeof peerColumns)[number], string>;
  if (!known.has(row.creative_id) || !/^\d{4}-\d\d-\d\d$/.test(row.date) || row.date > today) continue;
  const [impressions, clicks, spend] = [Number(row.impressions), Number(row.clicks), Number(row.spend)];
  if (!(clicks >= 0 && impressions >= clicks && spend >= 0)) continue;
  if (!/^[A-Z]{2}$/.test(row.geography) || !["mobile", "desktop", "tablet"].includes(row.device_type)) continue;
  batch.push(...peerColumns.map((column) => row[column]));
  batch.push(impressions === 0 ? null : (spend / impressions) * 1_000, clicks === 0 ? null : spend / clicks);
  if (batch.length >= rowsAtOnce * columns.length) await flush();
}
await flush();
await session.query("commit");
session.release();
await database.end();

async function flush(): Promise<void> {
  if (batch.length === 0) return;
  const width = columns.length;
  const rows = Array.from(
    { length: batch.length / width },
    (_, row) => `(${columns.map((_column, at) => `$${row * width + at + 1}`).join(", ")})`,
  );
  await session.query(
    `insert into ${peerTable("loop")} (${columns.join(", ")}) values ${rows.join(", ")} ${peerConflict}`,
    batch,
  );
  batch = [];
}
