import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { readSigningKey } from "../../core/signing.ts";
import { projectRoot } from "../../settings/environment.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { madeSigningSecret, storeDay } from "../../test/payouts.ts";

// The first command after a change builds dist/.
jest.setTimeout(150_000);

const secret = madeSigningSecret();
let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(path.join(os.tmpdir(), "statements-"))]);
  const more = { affiliateName: "A\u202Eda", offerName: "=1+1" };
  await storeDay(database.pool, {
    client: "713",
    day: "2026-01-05",
    found: [
      { id: "a", more },
      { id: "b", status: "pending" },
    ],
  });
});
afterAll(async () => {
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

const run = (env: Record<string, string>, ...given: string[]) =>
  promisify(execFile)(process.execPath, ["scripts/run.mjs", "statement", ...given], {
    cwd: projectRoot(),
    env: { ...process.env, NODE_OPTIONS: "", CLIENTS: "713", DATABASE_URL: database.url, ...env },
  }).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, said: stdout + stderr }),
  );
const keyed = (...given: string[]) => run({ STATEMENT_SIGNING_KEY: secret }, ...given);

test("a month is closed, shown, written to a file and verified offline; what was changed is named", async () => {
  expect(await run({}, "close", "2026-01")).toMatchObject({
    code: 2,
    said: expect.stringContaining("STATEMENT_SIGNING_KEY"),
  });
  expect(await keyed("close", "2026-01")).toMatchObject({
    code: 1,
    said: expect.stringContaining("30 days of 2026-01 are not final"),
  });
  expect(await keyed("close", "2026-01", "--reason", "a test")).toMatchObject({
    code: 0,
    said: expect.stringContaining("2026-01 is closed. 1 statements"),
  });
  expect(await keyed("list", "--month", "2026-01")).toMatchObject({
    code: 0,
    said: expect.stringMatching(/A\[U\+202E\]da.*10\.00.*closed by cli:/s),
  });
  const { rows } = await database.pool.query<{ id: number }>("select statement_id as id from payouts.statements");
  const publicKey = readSigningKey(secret)?.publicKey ?? "";
  const keyFile = path.join(folder, "key.txt");
  await writeFile(keyFile, JSON.stringify({ keyId: "x", publicKey }));
  // Nothing is asked: no database, no server.
  const verify = (file: string) => run({ DATABASE_URL: "" }, "verify", file, "--public-key", keyFile);
  for (const form of ["csv"]) {
    const file = path.join(folder, `statement.${form}`);
    await keyed("show", String(rows[0]?.id), "--output", file);
    expect([form, await verify(file)]).toEqual([
      form,
      { code: 0, said: expect.stringMatching(/^genuine: statement \d+ of A\[U\+202E\]da, 2026-01: 10\.00 USD owed/) },
    ]);
    await writeFile(file, (await readFile(file, "utf8")).replaceAll("10.00", "90.00"));
    expect([form, await verify(file)]).toEqual([
      form,
      { code: 1, said: expect.stringMatching(/^NOT what was signed: .*line 1 was changed: conversion a/s) },
    ]);
  }
  expect(await run({}, "verify", path.join(folder, "none.csv"), "--public-key", publicKey)).toMatchObject({
    code: 2,
    said: expect.stringContaining("cannot be read"),
  });
  expect(await run({}, "verify", keyFile)).toMatchObject({
    code: 2,
    said: expect.stringContaining("no key to check with"),
  });
});
