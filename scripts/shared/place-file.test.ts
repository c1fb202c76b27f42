import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { sha256 } from "../../core/crypto.ts";
import { uploadRecord } from "../../rules/files/uploads.ts";
import { placeFile } from "./place-file.ts";

let base: string;
let importDir: string;
beforeEach(async () => {
  base = await mkdtemp(path.join(os.tmpdir(), "hand-in-"));
  importDir = path.join(base, "import");
  await mkdir(path.join(importDir, "713"), { recursive: true });
});
afterEach(() => rm(base, { recursive: true, force: true }));

const give = (file: string, more: Partial<Parameters<typeof placeFile>[0]> = {}) =>
  placeFile({
    file,
    importDir,
    client: "713",
    mappingFile: null,
    constants: {},
    ignore: [],
    force: false,
    dryRun: false,
    maxBytes: 1_000_000,
    onProgress: () => undefined,
    ...more,
  });

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const file = path.join(base, name);
  await writeFile(file, content);
  return file;
}

test("a file that lies in the import folder is taken where it lies", async () => {
  const file = await put("import/713/day.csv", "a");
  const handed = await give(file);
  expect([handed.path, await readdir(importDir)]).toEqual(["713/day.csv", ["713"]]);
  await handed.remove();
  expect(await readFile(file, "utf8")).toBe("a");
});

test("any other is copied with a record that says all an ingest needs, and taken back whole", async () => {
  const file = await put("my report.csv", "a,b\n");
  const mappingFile = await put("mapping.json", "{}");
  const handed = await give(file, { mappingFile, force: true, constants: { clicks: "0" }, ignore: ["Note"] });
  expect(await readFile(path.join(importDir, handed.path), "utf8")).toBe("a,b\n");
  const record = uploadRecord.parse(
    JSON.parse(await readFile(path.join(importDir, "uploads/713", `${handed.importId}.json`), "utf8")),
  );
  expect(record).toMatchObject({
    client: "713",
    file: `${handed.importId}.csv`,
    fileName: "my report.csv",
    contentHash: sha256("a,b\n"),
    bytes: 4,
    mapping: `uploads/713/${handed.importId}.mapping.json`,
    constants: { clicks: "0" },
    ignore: ["Note"],
    force: true,
  });
  expect(await readFile(path.join(importDir, handed.mapping ?? ""), "utf8")).toBe("{}");
  await handed.remove();
  expect(await readdir(path.join(importDir, "uploads/713"))).toEqual([]);
});

test("what is only to be checked goes where no watch takes it for an upload", async () => {
  const handed = await give(await put("packed", gzipSync("a")), { dryRun: true });
  expect(handed.path).toBe(`.checks/713/${handed.importId}.gz`);
  expect(await readdir(path.join(importDir, ".checks/713"))).toEqual([`${handed.importId}.gz`]);
  await handed.remove();
  expect(await readdir(path.join(importDir, ".checks/713"))).toEqual([]);
});

test("a link in the import folder is copied, because the worker follows none", async () => {
  const file = await put("elsewhere.csv", "a");
  await symlink(file, path.join(importDir, "713/link.csv"));
  expect((await give(path.join(importDir, "713/link.csv"))).path).toMatch(/^uploads\/713\//);
});

test.each([
  ["nothing.csv", "there is no file"],
  ["import", "is not a file"],
  ["large.csv", "INGEST_MAX_BYTES"],
])("%s is refused before anything is copied", async (name, message) => {
  await put("large.csv", Buffer.alloc(1_000_001));
  await expect(give(path.join(base, name))).rejects.toThrow(message);
  expect(await readdir(importDir)).toEqual(["713"]);
});
