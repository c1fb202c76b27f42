import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "../../scripts/embedded/cache-folder.ts";

/** Go 1.26.4 builds it. */
export const serverVersion = "1.31.2";
const server = "go.temporal.io/server";
const run = promisify(execFile);

export interface ServerBinaries {
  server: string;
  /** Creates and updates Temporal's tables, from the files in `schema`. */
  sqlTool: string;
  schema: string;
}

/** Temporal's own server, built from its Go modules where that was not done yet; or why this machine cannot. */
export async function findServerBinaries(say: (line: string) => void): Promise<ServerBinaries | string> {
  const cache = await cacheFolder();
  const folder = path.join(cache, `temporal-server-${serverVersion}`);
  const found = { server: path.join(folder, "server"), sqlTool: path.join(folder, "sql"), schema: `${folder}/schema` };
  if (existsSync(folder)) return found;
  const go = findGo();
  if (go === null)
    return `Go is not installed: it builds Temporal's server (go.dev/dl, 1.26.4 or newer), once, into ${folder}`;
  const unfinished = await mkdtemp(path.join(cache, "temporal-server-unfinished-"));
  try {
    say(`building Temporal's server ${serverVersion}: five to ten minutes on two cores, once`);
    const { stdout } = await run(go, ["mod", "download", "-json", `${server}@v${serverVersion}`], { cwd: unfinished });
    const { Dir: sources } = JSON.parse(stdout) as { Dir: string };
    for (const command of ["cmd/tools/sql", "cmd/server"])
      await run(go, ["install", `${server}/${command}@v${serverVersion}`], {
        cwd: unfinished,
        env: { ...process.env, GOBIN: unfinished },
        maxBuffer: 64 * 1024 * 1024,
      });
    // Last: what the module cache holds is read-only, and so is a copy.
    await cp(path.join(sources, "schema/postgresql/v12"), path.join(unfinished, "schema"), { recursive: true });
    // Of several that build it at a time, the first one's is as good.
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    const reason = /"Error": "([^"]*)"/.exec(stdout)?.[1] ?? stderr.trim().split("\n").at(-1);
    return `Temporal's server ${serverVersion} could not be built (${(reason || message).trim().slice(0, 200)}): Go 1.26.4 or newer and the Go module proxy are needed`;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return found;
}

function findGo(): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/local/go/bin"];
  return folders.map((folder) => path.join(folder, "go")).find((file) => existsSync(file)) ?? null;
}
