import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { sha256 } from "../../core/crypto.ts";
import { uploadRecord, type UploadRecord } from "../../rules/files/uploads.ts";
import { ApiError } from "../server/errors.ts";
import { acceptUpload } from "./accept-upload.ts";
import { clearAbandoned } from "./upload-folder.ts";

// Processes are started and killed.
jest.setTimeout(60_000);

const now = new Date("2025-12-18T12:00:00Z");
const hourMs = 3_600_000;
let importDir: string;
let folder: string;
beforeEach(async () => {
  importDir = await mkdtemp(path.join(os.tmpdir(), "accept-upload-"));
  folder = path.join(importDir, "uploads/713");
  await mkdir(folder, { recursive: true });
});
afterEach(() => rm(importDir, { recursive: true, force: true }));

let arrived = 0;
interface Given {
  content?: string;
  isGzip?: boolean;
  fileName?: string;
  mapping?: string | null;
  force?: boolean;
  idempotencyKey?: string | null;
  now?: Date;
}

/** As a request does that has come whole. */
async function give({ content = "a,b\n", isGzip = false, fileName = "day.csv", ...more }: Given = {}) {
  const file = path.join(folder, `.arrived-${(arrived += 1)}.part`);
  await writeFile(file, content);
  const received = { path: file, fileName, contentHash: sha256(content), bytes: content.length, isGzip };
  return acceptUpload(
    received,
    { importDir },
    { client: "713", by: "ada", mapping: null, force: false, idempotencyKey: "monday", now, ...more },
  );
}

const codeOf = async (work: Promise<unknown>) =>
  work.then(
    () => "accepted",
    (error: unknown) => (error instanceof ApiError ? error.code : String(error)),
  );

async function records(): Promise<UploadRecord[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json"));
  return Promise.all(
    names.map(async (name) => uploadRecord.parse(JSON.parse(await readFile(path.join(folder, name), "utf8")))),
  );
}
const contentOf = ({ file }: UploadRecord) => readFile(path.join(folder, file), "utf8");

test("a plain and a packed file at once under one key: one is accepted and whole, the other is a conflict", async () => {
  for (let round = 0; round < 20; round += 1) {
    const idempotencyKey = `round ${round}`;
    const answers = await Promise.all(
      [false, true].map((isGzip) => codeOf(give({ content: isGzip ? "packed" : "plain", isGzip, idempotencyKey }))),
    );
    expect(answers.sort()).toEqual(["accepted", "conflict"]);
  }
  const all = await records();
  expect(all).toHaveLength(20);
  for (const record of all) expect(sha256(await contentOf(record))).toBe(record.contentHash);
  expect(await readdir(folder)).toHaveLength(40);
});

test("a key stands for the whole request, and says in what another one differs", async () => {
  const { record } = await give();
  expect(await give()).toEqual({ record, isNew: false });
  for (const [other, words] of [
    [{ content: "b\n" }, "file"],
    [{ fileName: "night.csv" }, "file name"],
    [{ mapping: "meta" }, "mapping"],
    [{ force: true, content: "b\n" }, "file, force"],
  ] satisfies [Given, string][])
    await expect(give(other)).rejects.toMatchObject({
      code: "conflict",
      message: `this Idempotency-Key came with another ${words} before`,
    });
  expect(await readdir(folder)).toHaveLength(2);
});

test("a key is remembered for a day, over midnight too, and is a new upload afterwards", async () => {
  const first = await give();
  const later = (hours: number) => ({ content: "b\n", now: new Date(now.getTime() + hours * hourMs) });
  expect(await codeOf(give(later(13)))).toBe("conflict");
  expect(await codeOf(give(later(23.9)))).toBe("conflict");
  const second = await give(later(24));
  expect(second.isNew).toBe(true);
  // Another import is another workflow.
  expect(second.record.importId).not.toBe(first.record.importId);
  expect(await give(later(30))).toEqual({ record: second.record, isNew: false });
  expect(await Promise.all((await records()).map(contentOf))).toEqual(expect.arrayContaining(["a,b\n", "b\n"]));
});

test("whatever a crash left of a key, the next request with it is accepted", async () => {
  const { record } = await give();
  const text = JSON.stringify(record);
  const draft = `.${"d".repeat(8)}.part`;
  const halves: Record<string, string>[] = [
    { [record.file]: "a,b\n" },
    { [record.file]: "a,b\n", [draft]: "" },
    { [record.file]: "a,b\n", [draft]: text.slice(0, 40) },
    { [record.file]: "a,b\n", [draft]: text },
    // As servers before this one named it.
    { [`${record.importId}.csv`]: "a,b\n" },
    { [`${record.importId}.gz`]: "another" },
  ];
  for (const half of halves) {
    await rm(folder, { recursive: true });
    await mkdir(folder);
    for (const [name, content] of Object.entries(half)) await writeFile(path.join(folder, name), content);
    const again = await give();
    expect(again.isNew).toBe(true);
    expect(await contentOf(again.record)).toBe("a,b\n");
    // What was left goes once nobody can be writing to it any more; what was accepted stays.
    expect(await clearAbandoned({ importDir }, Date.now())).toBe(0);
    for (const name of await readdir(folder)) {
      const yesterday = new Date(Date.now() - 25 * hourMs);
      await utimes(path.join(folder, name), yesterday, yesterday);
    }
    expect(await clearAbandoned({ importDir }, Date.now())).toBe(Object.keys(half).length);
    expect((await readdir(folder)).sort()).toEqual([again.record.file, `${record.importId}.json`].sort());
  }
});

test("what `npm run ingest` left half copied is cleared as well, and what has its record stays", async () => {
  const id = "0123456789abcdef";
  const kept = "fedcba9876543210";
  const record = {
    ...(await give()).record,
    importId: kept,
    file: `${kept}.csv`,
    mapping: `uploads/713/${kept}.mapping.json`,
  };
  await rm(folder, { recursive: true });
  await mkdir(folder);
  for (const name of [`${id}.csv`, `${id}.mapping.json`, `${id}.record.part`, `${kept}.csv`, `${kept}.mapping.json`])
    await writeFile(path.join(folder, name), "x");
  await writeFile(path.join(folder, `${kept}.json`), JSON.stringify(record));
  expect(await clearAbandoned({ importDir }, Date.now() + 25 * hourMs)).toBe(3);
  expect((await readdir(folder)).sort()).toEqual([`${kept}.csv`, `${kept}.json`, `${kept}.mapping.json`]);
});

test("a server that is killed at any moment leaves no key stuck, and nothing lost or accepted twice", async () => {
  const script = `
    import { writeFile } from "node:fs/promises";
    import { createHash } from "node:crypto";
    import { acceptUpload } from "./api/files/accept-upload.ts";
    const [folder, importDir, round] = process.argv.slice(1);
    for (let number = 0; ; number += 1) {
      const key = round + "-" + number;
      await Promise.all(["first", "second"].map(async (name) => {
        const path = folder + "/." + name + key + ".part";
        await writeFile(path, key);
        const contentHash = createHash("sha256").update(key).digest("hex");
        await acceptUpload({ path, fileName: "day.csv", contentHash, bytes: key.length, isGzip: false }, { importDir },
          { client: "713", by: "ada", mapping: null, force: false, idempotencyKey: key, now: new Date("${now.toISOString()}") });
      }));
      process.stdout.write(key + "\\n");
    }`;
  const accepted = new Set<string>();
  for (let round = 0; round < 6; round += 1) {
    const child = spawn(
      process.execPath,
      [
        "--import",
        "./test/register-typescript.js",
        "--input-type=module",
        "--eval",
        script,
        folder,
        importDir,
        String(round),
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let told = "";
    child.stdout.on("data", (chunk: Buffer) => {
      told += chunk.toString();
      // Somewhere in the middle of the next one: each takes some milliseconds.
      setTimeout(() => child.kill("SIGKILL"), round * 1.7);
    });
    const [, signal] = (await once(child, "close")) as [unknown, string | null];
    expect(signal).toBe("SIGKILL");
    const keys = told.split("\n").slice(0, -1);
    for (const key of [...keys, `${round}-${keys.length}`]) {
      const again = await give({ content: key, idempotencyKey: key });
      // What a caller was told of is as it was.
      if (keys.includes(key)) expect(again.isNew).toBe(false);
      accepted.add(key);
    }
  }
  const all = await records();
  expect((await Promise.all(all.map(contentOf))).sort()).toEqual([...accepted].sort());
  for (const name of await readdir(folder)) await utimes(path.join(folder, name), 0, 0);
  await clearAbandoned({ importDir }, Date.now());
  expect(await readdir(folder)).toHaveLength(2 * accepted.size);
});
