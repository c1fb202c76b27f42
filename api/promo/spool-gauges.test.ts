import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { Event } from "../../rules/promo/events.ts";
import type { Database } from "../../schema/database.ts";
import { testServer } from "../../test/api-server.ts";
import { Spool } from "./counting/spool.ts";
import { createFolderReader } from "./counting/spool-folder.ts";

let folder: string;
let spool: Spool;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "spool-"));
  spool = new Spool({ folder, limitBytes: 10_000_000 });
});
afterEach(async () => {
  await spool.close();
  rmSync(folder, { recursive: true });
});

const event = (id: string, at = "2026-03-10T17:00:00.000Z"): Event => ({
  kind: "impression",
  event_id: id,
  offer_id: 1,
  variation_id: 2,
  send_id: "x".repeat(90),
  recipients: null,
  at,
});
const many = (from: number, events: number) =>
  Promise.all(Array.from({ length: events }, (_one, index) => spool.append(event(`${from + index}`))));
const theFile = () => path.join(folder, readdirSync(folder).find((name) => name.endsWith(".spool")) ?? "");

test("what waits in the folder is known with its oldest event, whichever process wrote it, also as it grows and goes", async () => {
  const read = createFolderReader(folder);
  const none = { events: 0, bytes: 0, since: null, damagedFiles: 0 };
  expect(await read()).toEqual(none);
  expect(await createFolderReader(path.join(folder, "not there"))()).toEqual(none);
  // More than is read at once.
  await many(0, 1_000);
  const first = await read();
  expect(first).toEqual({ ...none, events: 1_000, bytes: expect.any(Number), since: new Date(event("").at) });
  await many(1_000, 7);
  const other = new Spool({ folder, limitBytes: 10_000 });
  await other.append(event("a", "2026-03-09T12:00:00.000Z"));
  mkdirSync(path.join(folder, "odd.spool"));
  writeFileSync(path.join(folder, "old.damaged"), "x");
  // Counted between the look at the folder and the look into it.
  symlinkSync(path.join(folder, "gone"), path.join(folder, "gone.spool"));
  const later = await read();
  expect(later).toMatchObject({ events: 1_008, damagedFiles: 1, since: new Date("2026-03-09T12:00:00.000Z") });
  expect(later).toEqual(await createFolderReader(folder)());
  await other.close();
  for (const file of await spool.take()) {
    rmSync(file, { recursive: true });
    spool.forget(file);
  }
  expect(await read()).toEqual({ ...none, damagedFiles: 1 });
});

test("a file that was cut back is counted anew", async () => {
  const read = createFolderReader(folder);
  await many(0, 3);
  expect((await read()).events).toBe(3);
  truncateSync(theFile(), 10);
  expect(await read()).toMatchObject({ events: 0, since: null, bytes: 10 });
});

test("a scrape shows what waits in the spool while the database is away, and nothing where the folder cannot be read", async () => {
  const away = { query: () => new Promise(() => undefined) } as unknown as Database;
  const scrape = async (where: string) => {
    const api = await testServer({ database: away, env: { PROMO_SPOOL_DIR: where } });
    const { payload } = await api.inject("/metrics");
    await api.close();
    return payload.split("\n").filter((line) => line.startsWith("signal_room_promo"));
  };
  await spool.append(event("a", new Date(Date.now() - 90_000).toISOString()));
  expect(await scrape(folder)).toEqual([
    "signal_room_promo_spool_events 1",
    expect.stringMatching(/^signal_room_promo_spool_bytes [1-9]\d+$/),
    expect.stringMatching(/^signal_room_promo_spool_oldest_age_seconds 9\d(\.\d+)?$/),
    "signal_room_promo_spool_damaged_files 0",
  ]);
  // No folder, but a file.
  expect(await scrape(theFile())).toEqual([]);
});
