// The programs of other people that imports are measured beside: fetched when a bench asks for them, and left out, with a
// sentence, where they cannot be had.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const folderOf = (tool: string) => path.join(os.tmpdir(), `signal-room-bench-${tool}`);

const venv = path.join(folderOf("dlt"), "venv");
export const python = path.join(venv, "bin", "python");
/** Its binary is in a package of its own for each system. */
const slingPackage = `sling-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
const slingFolder = folderOf("sling");
export const sling = path.join(slingFolder, slingPackage.replaceAll("-", "_"), "bin", slingPackage);

/** By the ways that need one: each says which version it is, or throws why it is not there. */
const tools: Partial<Record<string, () => Promise<string>>> = {
  psql: findPsql,
  lean: findPsql,
  dlt: fetchDlt,
  sling: fetchSling,
};

/** Leaves out, by name, what this machine does not have. */
export async function available<Way extends string>(asked: readonly Way[]): Promise<Way[]> {
  const there: Way[] = [];
  const said = new Set<string>();
  for (const way of asked)
    try {
      const version = await tools[way]?.();
      if (version !== undefined) said.add(version);
      there.push(way);
    } catch (error) {
      console.log(`without ${way}: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
    }
  for (const version of said) console.log(version);
  return there;
}

async function findPsql(): Promise<string> {
  const { stdout } = await run("psql", ["--version"]).catch(() => {
    throw new Error("there is no psql on this machine");
  });
  return stdout.trim();
}

async function fetchDlt(): Promise<string> {
  if (!existsSync(python)) {
    await mkdir(path.dirname(venv), { recursive: true });
    await run("python3", ["-m", "venv", venv]);
  }
  const version = async () => {
    const program = "import dlt, pyarrow, psycopg2; print('dlt', dlt.__version__, 'pyarrow', pyarrow.__version__)";
    return (await run(python, ["-c", program])).stdout.trim();
  };
  return version().catch(async () => {
    console.log("installing dlt into a virtual environment of its own");
    await run(python, ["-m", "pip", "install", "--quiet", "dlt[postgres]", "pyarrow"], { maxBuffer: 1e8 });
    return version();
  });
}

async function fetchSling(): Promise<string> {
  if (!existsSync(sling)) {
    console.log("fetching sling into a folder of its own");
    await run("python3", ["-m", "pip", "install", "--quiet", "--no-deps", "--target", slingFolder, slingPackage]);
    await chmod(sling, 0o755);
  }
  const { stdout, stderr } = await run(sling, ["--version"], {
    env: { ...process.env, SLING_DISABLE_TELEMETRY: "TRUE" },
  });
  return `sling ${/\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? "of no version"}`;
}
