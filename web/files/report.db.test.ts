import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { MockActivityEnvironment } from "@temporalio/testing";
import { createIngestActivities } from "../../activities/files/ingest.ts";
import type { Api } from "../../api/server/parts.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { createRedactor } from "../../core/redact.ts";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";
import { loadConfig } from "../../settings/config.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";

let database: TestDatabase;
let api: Api;
let folder: string;
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(path.join(os.tmpdir(), "report-page-"))]);
  ({ api } = await pageServer({ database: database.pool }));
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

async function take(text: string): Promise<number> {
  const CREDENTIALS_ENCRYPTION_KEY = Buffer.alloc(32, 7).toString("base64");
  const config = loadConfig(
    { DATABASE_URL: database.url, IMPORT_DIR: folder, CREDENTIALS_ENCRYPTION_KEY },
    vendors,
    sources,
  );
  const name = `${randomUUID()}.csv`;
  await writeFile(path.join(folder, name), text);
  const environment = new MockActivityEnvironment({
    workflowExecution: { workflowId: `ingest/713/${name}`, runId: randomUUID() },
  });
  const { takeFile } = createIngestActivities({ database: database.pool, config, redact: createRedactor([]) });
  const answer = (await environment.run(takeFile, { path: name, constants: { buyer_id: "42" } })) as IngestAnswer;
  return answer.fileId ?? 0;
}
const open = async (url: string) => (await api.inject({ url, headers: await loggedIn(database.pool) })).body;
const textOf = (html: string) => html.replaceAll(/<[^>]+>/g, " ").replaceAll(/\s+/g, " ");

test("a report's file shows its rejected lines, what became of its days, and no spend that it does not say", async () => {
  const header = "#Day,Country,Hour,Bid requests,Bids,Bids in auction,Auctions won";
  const first = await take(
    `${header}\n1/1/26,Brazil,1,900,9,5,2\n1/2/26,Brazil,1,900,9,5,2\n1/2/26,Peru,1,many,9,5,2\n`,
  );
  const later = await take(`${header}\n1/1/26,Brazil,1,901,9,5,2\n`);
  const page = await open(`/files/${first}`);
  const shown = textOf(page);
  expect(shown).toContain("such a report has no spend");
  expect(shown).not.toContain("$0.00");
  for (const one of ["Rows written", "is not a number", "Day by day"]) expect(shown).toContain(one);
  expect(page).toContain(`href="/files/${later}"`);
  expect(await compareFigures(api, page)).toEqual({ compared: expect.any(Number), wrong: [] });
  expect((await open(`/files/${first}/rejected.csv`)).trimEnd().split("\r\n")).toHaveLength(2);
  const list = textOf(await open("/files"));
  expect(list).toContain("such a report has no spend");
  expect(list).not.toContain("$0.00");
});
