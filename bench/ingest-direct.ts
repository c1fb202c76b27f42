// Takes one file as the activity does, without Temporal: the same reader, checks, staging and merge in one transaction.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { defaultLimits, findMapping, readPerformanceFile } from "../connectors/files/performance-file.ts";
import { dayAt } from "../core/days.ts";
import { allowLongWork } from "../queries/files/ingest.ts";
import { readKnownCreatives } from "../queries/files/known-creatives.ts";
import { mergeStaged } from "../queries/files/merge-file.ts";
import { openStaging } from "../queries/files/staging.ts";
import { inTransaction, openDatabase } from "../schema/database.ts";

const [file = "", client = "713"] = process.argv.slice(2);
const database = openDatabase({
  url: process.env["DATABASE_URL"] ?? "",
  poolSize: 2,
  name: "bench direct",
  onError: () => undefined,
});
await database.query("select 1");
const hash = createHash("sha256");
for await (const chunk of createReadStream(file, { highWaterMark: 262_144 })) hash.update(chunk as Buffer);
const today = dayAt(new Date(), "America/New_York");
const mapping = findMapping("document");
await inTransaction(database, async (session) => {
  await allowLongWork(session);
  const knownCreatives = await readKnownCreatives(session, { client, createStubs: false });
  const staging = await openStaging(session);
  const counts = await readPerformanceFile(createReadStream(file, { highWaterMark: 262_144 }), {
    mapping,
    today,
    currency: "USD",
    buyerId: null,
    knownCreatives,
    limits: defaultLimits,
    named: (creatives) => staging.name(creatives),
    accepted: (block) => staging.write(block),
    rejected: (lines) => Promise.reject(new Error(lines[0]?.reason)),
  });
  const staged = await staging.end();
  if (staged !== counts.accepted) throw new Error(`${staged} of ${counts.accepted} lines are staged`);
  const { combine } = mapping;
  const { doubtful, days } = counts;
  await mergeStaged(session, { client, fileId: 1, today, combine, createStubs: false, doubtful, days });
});
await database.end();
