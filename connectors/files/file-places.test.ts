import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFile, link, mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FileProblem, listFolder, openLocalFile, unpacked } from "./file-places.ts";

let base: string;
let folder: string;
const limits = { maxBytes: 100_000_000 };
const inFolder = (name: string) => path.join(folder, name);

const put = (name: string) => writeFile(inFolder(name), "").then(() => inFolder(name));

beforeAll(async () => {
  base = await mkdtemp(path.join(os.tmpdir(), "places-"));
  folder = path.join(base, "import");
  await mkdir(path.join(folder, "713"), { recursive: true });
  await writeFile(inFolder("713/day.csv"), "a,b\n1,2\n");
  await writeFile(path.join(base, "secret.txt"), "secret");
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function problemOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof FileProblem) return error.message;
    throw error;
  }
  throw new Error("expected a problem");
}

const read = async (name: string) => {
  const file = await openLocalFile(folder, name, limits);
  try {
    return await textOf(unpacked(file.name, file.read(), limits));
  } finally {
    await file.close();
  }
};

test("a file below the folder is read, twice if need be, by its relative or absolute name", async () => {
  const file = await openLocalFile(folder, inFolder("713/day.csv"), limits);
  expect([file.name, file.bytes, await textOf(file.read()), await textOf(file.read())]).toEqual([
    "713/day.csv",
    8,
    "a,b\n1,2\n",
    "a,b\n1,2\n",
  ]);
  await file.assertUnchanged();
  await file.close();
  expect(await read("713/../713/./day.csv")).toBe("a,b\n1,2\n");
});

describe("what leads elsewhere is refused, and says why:", () => {
  beforeAll(async () => {
    await symlink(path.join(base, "secret.txt"), inFolder("link.csv"));
    await symlink(base, inFolder("linked"));
    await symlink("/proc", inFolder("proc"));
    execFileSync("mkfifo", [inFolder("pipe.csv")]);
    await writeFile(inFolder("large.csv"), "x".repeat(2_000));
  });
  test.each([
    ["../secret.txt", "outside the import folder"],
    ["713/../../secret.txt", "outside the import folder"],
    ["/etc/passwd", "outside the import folder"],
    ["/proc/self/environ", "outside the import folder"],
    ["", "path of the file is missing"],
    [".", "outside the import folder"],
    ["a\0b.csv", "path of the file is missing"],
    ["link.csv", "is a link"],
    ["linked/secret.txt", "leads out of the import folder"],
    ["proc/self/environ", "leads out of the import folder"],
    ["proc/version", "leads out of the import folder"],
    ["pipe.csv", "is a named pipe"],
    ["713", "is a folder"],
    ["none.csv", "there is no file none.csv"],
    ["713/day.csv/x", "there is no file"],
    [`${"x".repeat(300)}.csv`, "too long"],
  ])("%j", async (name, message) => {
    expect(await problemOf(() => openLocalFile(folder, name, limits))).toContain(message);
  });

  test("a file larger than the limit", async () => {
    expect(await problemOf(() => openLocalFile(folder, "large.csv", { maxBytes: 1_999 }))).toBe(
      "large.csv has 2000 bytes, more than 1999, which is the limit (INGEST_MAX_BYTES): split it",
    );
  });

  test("a file of 20 GB, without a byte of it being read", async () => {
    await truncate(await put("huge.csv"), 20_000_000_000);
    expect(await problemOf(() => openLocalFile(folder, "huge.csv", { maxBytes: 4_294_967_296 }))).toContain(
      "huge.csv has 20000000000 bytes",
    );
  });

  test("a folder that is not there", async () => {
    expect(await problemOf(() => openLocalFile(inFolder("nowhere"), "x.csv", limits))).toContain("does not exist");
  });
});

describe("a file that changes after it was opened is noticed:", () => {
  test.each<[string, (file: string) => Promise<unknown>]>([
    ["something is added", (file) => appendFile(file, "more\n")],
    [
      "another takes its name",
      (file) => writeFile(`${file}.new`, "a,b\n1,2\n").then(() => rename(`${file}.new`, file)),
    ],
    ["it is touched", (file) => utimes(file, 1, 1)],
    ["it is written over with as many bytes", (file) => writeFile(file, "b,a\n2,1\n")],
    ["it is gone", (file) => rm(file)],
  ])("%s", async (_what, change) => {
    const name = `713/${randomBytes(4).toString("hex")}.csv`;
    await writeFile(inFolder(name), "a,b\n1,2\n");
    const file = await openLocalFile(folder, name, limits);
    await file.assertUnchanged();
    await change(inFolder(name));
    expect(await problemOf(() => file.assertUnchanged())).toContain("changed while it was read");
    await file.close();
  });

  test("but not when it only gets another name beside its own", async () => {
    await writeFile(inFolder("twice.csv"), "x");
    const file = await openLocalFile(folder, "twice.csv", limits);
    await link(inFolder("twice.csv"), inFolder("again.csv"));
    await file.assertUnchanged();
    await file.close();
  });
});

describe("gzip", () => {
  const put = async (name: string, bytes: Uint8Array) => {
    await writeFile(inFolder(name), bytes);
    return name;
  };
  const text = "creative_id,date\n79783,2025-11-29\n".repeat(50_000);

  test("is known by its bytes, not by its name", async () => {
    expect(await read(await put("plain-name.csv", gzipSync(text)))).toBe(text);
    expect(await read(await put("not-packed.csv.gz", Buffer.from(text)))).toBe(text);
  });
  test("of several parts is one text, and what follows the last part is no part of it", async () => {
    expect(await read(await put("parts.gz", Buffer.concat([gzipSync("a\n"), gzipSync("b\n")])))).toBe("a\nb\n");
    const trailing = Buffer.concat([gzipSync(text), Buffer.alloc(2_000_000)]);
    const name = await put("trailing.gz", trailing);
    const file = await openLocalFile(folder, name, limits);
    let seen = 0;
    const counted = async function* () {
      for await (const chunk of file.read()) {
        seen += chunk.length;
        yield chunk;
      }
    };
    expect(await textOf(unpacked(name, counted(), limits))).toBe(text);
    // All of it was looked at, so that a hash of it is the hash of the file.
    expect(seen).toBe(trailing.length);
    await file.close();
  });
  test("that was cut short is refused", async () => {
    const whole = gzipSync(randomBytes(200_000).toString("hex"));
    expect(await problemOf(async () => read(await put("cut.gz", whole.subarray(0, 100_000))))).toContain(
      "not transferred whole",
    );
  });
  test("that is damaged is refused", async () => {
    const damaged = Buffer.from(gzipSync(randomBytes(200_000).toString("hex")));
    damaged.fill(0, 1_000, 2_000);
    expect(await problemOf(async () => read(await put("damaged.gz", damaged)))).toContain("damaged gzip data");
  });
  test("that unpacks to far more than its size is not unpacked to the end", async () => {
    const bomb = gzipSync(Buffer.alloc(90_000_000));
    expect(bomb.length).toBeLessThan(100_000);
    const before = process.memoryUsage().rss;
    expect(await problemOf(async () => read(await put("bomb.gz", bomb)))).toContain("more than 200 times its size");
    expect(process.memoryUsage().rss - before).toBeLessThan(120_000_000);
  });
  test("that unpacks to more than the limit is refused", async () => {
    const file = gzipSync(text);
    await put("over.gz", file);
    expect(
      await problemOf(() =>
        textOf(
          unpacked(
            "over.gz",
            (async function* () {
              yield await Promise.resolve(file);
            })(),
            { maxBytes: 1_000_000 },
          ),
        ),
      ),
    ).toContain("more than 1000000 bytes when unpacked");
  });
});

test.each<[string, number[], string]>([
  ["an Excel workbook", [0x50, 0x4b, 3, 4, 0, 0, 0, 0], "save the sheet as CSV"],
  ["a PDF", [...Buffer.from("%PDF-1.7")], "export the report as CSV"],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0], "packed with zstd"],
])("%s is named for what it is", async (_what, bytes, message) => {
  await writeFile(inFolder("foreign.csv"), Buffer.from(bytes));
  expect(await problemOf(() => read("foreign.csv"))).toContain(message);
});

test("files of few bytes, and of none, are read", async () => {
  for (const text of ["", "a", "a,b\n"]) {
    await writeFile(inFolder("small.csv"), text);
    expect(await read("small.csv")).toBe(text);
  }
});

test("a folder is listed without links, hidden files and files on their way", async () => {
  const shop = path.join(base, "shop");
  await mkdir(path.join(shop, "713/google"), { recursive: true });
  await mkdir(path.join(shop, ".hidden"));
  for (const name of ["713/b.csv", "713/a.csv", "713/google/c.csv", "x.csv.part", ".d.csv", ".hidden/e.csv", "f.csv~"])
    await writeFile(path.join(shop, name), "x");
  await symlink(path.join(base, "secret.txt"), path.join(shop, "link.csv"));
  const { files, more } = await listFolder(shop);
  expect([files.map((file) => file.path), more]).toEqual([["713/a.csv", "713/b.csv", "713/google/c.csv"], false]);
  const [first] = files;
  await writeFile(path.join(shop, "713/a.csv"), "xy");
  expect((await listFolder(shop)).files[0]?.identity).not.toBe(first?.identity);
  expect(await listFolder(path.join(base, "nowhere"))).toEqual({ files: [], more: false });
});
