import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../../scripts/embedded/cache-folder.ts";

/** The package that has ClickHouse's engine in it: 550 MB, so it is fetched when it is needed, and kept. */
const version = "3.4.0";

/** Where the engine is, fetched from the registry where it was not yet. */
export async function engineFolder(): Promise<string> {
  const cache = await cacheFolder();
  const folder = path.join(cache, `chdb-${version}`);
  if (existsSync(path.join(folder, "node_modules/chdb/package.json"))) return folder;
  const unfinished = await mkdtemp(path.join(cache, "chdb-unfinished-"));
  try {
    await writeFile(path.join(unfinished, "package.json"), '{ "name": "chdb-cache", "private": true }\n');
    const npm = spawn(
      "npm",
      ["install", `chdb@${version}`, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
      {
        cwd: unfinished,
        stdio: ["ignore", "ignore", "inherit"],
      },
    );
    const [code] = (await once(npm, "exit")) as [number | null];
    if (code !== 0)
      throw new Error(`npm could not fetch chdb ${version}, which has ClickHouse's engine: exit code ${code}`);
    // Of several that fetch it at a time, the first one's is as good.
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

export interface Engine {
  url: string;
  /** As a server that loses power. */
  kill: () => Promise<void>;
  /** The same data on the same port again. */
  start: () => Promise<void>;
  /** Ends it, and deletes its data. */
  stop: () => Promise<void>;
}

/** ClickHouse in a process of its own. */
export async function startEngine({ password = "" }: { password?: string } = {}): Promise<Engine> {
  const packages = await engineFolder();
  const data = await mkdtemp(path.join(os.tmpdir(), "signal-room-clickhouse-"));
  await mkdir(path.join(data, "store"), { recursive: true });
  let child: ChildProcess | undefined;
  let port = 0;
  const start = async () => {
    child = spawn(
      process.execPath,
      [fileURLToPath(new URL("server.js", import.meta.url)), packages, path.join(data, "store")],
      {
        stdio: ["pipe", "pipe", "inherit"],
        env: { ...process.env, NODE_OPTIONS: "", CHDB_PASSWORD: password, CHDB_PORT: String(port) },
      },
    );
    if (child.stdout === null) throw new Error("the engine has no output");
    for await (const line of createInterface({ input: child.stdout })) {
      port = Number(line);
      return;
    }
    throw new Error("the engine ended before it said its port");
  };
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    kill,
    start,
    stop: async () => {
      await kill();
      await rm(data, { recursive: true, force: true });
    },
  };
}
