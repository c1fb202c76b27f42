#!/usr/bin/env node
// `signal-room status --json`, or `npm run status -- --json` in a clone, runs scripts/commands/status.ts, which is built
// into one file; `worker`, `api` and `sandbox` are the parts. Everything runs from dist/, as in production; in a clone, sources that changed since the
// last build are built first.
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import module from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = path.resolve(fileURLToPath(import.meta.url), "../..");
const commands = path.join(root, "dist/commands");

/** What runs until it is stopped: with `--help` it says what it is and starts nothing. */
const parts = {
  start: {
    entry: "scripts/commands/start",
    help: "Runs everything on this machine: Postgres, Temporal with its UI, the worker, the HTTP API, and mock vendors for\nvendors without a key. Data and logs go to .signal-room/. Ctrl-C stops everything.",
    settings: "API_PORT, POSTGRES_PORT, TEMPORAL_PORT, TEMPORAL_UI_PORT, SANDBOX_PORT, DATABASE_URL, TEMPORAL_ADDRESS",
  },
  worker: {
    entry: "workers/main",
    help: "Runs workflows and activities: one Temporal worker per queue, until it is stopped.",
    settings: "DATABASE_URL, TEMPORAL_ADDRESS, CLIENTS, WORKER_QUEUES, keys of vendors",
  },
  api: {
    entry: "api/main",
    help: "Serves the HTTP API, its documentation under /docs, and webhooks, until it is stopped.",
    settings: "DATABASE_URL, TEMPORAL_ADDRESS, API_HOST, API_PORT, API_JWT_SECRET",
  },
  consume: {
    entry: "workers/consume/main",
    help: "Reads topics of Kafka and streams of Kinesis into the table of ad performance, until it is stopped.",
    settings: "DATABASE_URL, CLIENTS, STREAMS, KAFKA_BROKERS, KINESIS_REGION",
  },
  sandbox: {
    entry: "sandbox/main",
    help: "Serves mock vendors with made-up data and the vendors' real limits, until it is stopped.",
    settings: "SANDBOX_HOST, SANDBOX_PORT, SANDBOX_TODAY",
  },
};

/** A reader that stops early, such as `head`, is no failure. A process with an orderly stop gets SIGTERM; others exit. */
function endWithReader(stream) {
  stream.on("error", (error) => {
    if (error.code !== "EPIPE") throw error;
    if (process.listenerCount("SIGTERM") > 0) process.kill(process.pid, "SIGTERM");
    else process.exit();
  });
}

async function listCommands() {
  const names = (await readdir(commands)).filter((file) => file.endsWith(".js")).map((file) => file.slice(0, -3));
  return [...new Set([...Object.keys(parts), ...names])];
}

function helpOf(name) {
  const { help, settings } = parts[name];
  return `Usage: signal-room ${name}\n\n${help}\n\nSettings, in the environment or in .env: ${settings}.\nAll of them: docs/settings.md.\n`;
}

async function main(name, rest) {
  if (name === "--version" || name === "-V") {
    process.stdout.write(`${JSON.parse(await readFile(path.join(root, "package.json"), "utf8")).version}\n`);
    return;
  }
  const part = Object.hasOwn(parts, name ?? "") ? parts[name] : undefined;
  const asksForHelp = rest.some((argument) => argument === "--help" || argument === "-h");
  if (part !== undefined && (asksForHelp || rest.length > 0)) {
    process.stdout.write(asksForHelp ? helpOf(name) : "");
    if (!asksForHelp)
      process.stderr.write(`signal-room ${name} takes no arguments: it reads settings\n${helpOf(name)}`);
    process.exitCode = asksForHelp ? 0 : 2;
    return;
  }
  // A package that ships only dist/ has no sources to compare with.
  if (existsSync(path.join(root, "workflows/index.ts"))) {
    const { buildIfStale } = await import("./build.mjs");
    await buildIfStale();
  }
  const entry = part?.entry ?? (name?.includes("/") ? name : `commands/${name}`);
  const file = path.join(root, "dist", `${entry}.js`);
  if (name === undefined || name.startsWith("-") || !existsSync(file)) {
    const usage = `Usage: signal-room <command> [options]\n\nCommands: ${(await listCommands()).sort().join(", ")}\n\nsignal-room <command> --help shows a command's options.\n`;
    const asked = name === "--help" || name === "-h" || name === "help";
    (asked ? process.stdout : process.stderr).write(
      asked || !name ? usage : `there is no command "${name}"\n\n${usage}`,
    );
    process.exitCode = asked ? 0 : 2;
    return;
  }
  // The sandbox stands alone and reads the environment only.
  if (name === "sandbox") {
    const { readOwnEnvironment } = await import(pathToFileURL(path.join(root, "dist/settings/environment.js")).href);
    for (const [setting, value] of Object.entries(readOwnEnvironment(process.env))) process.env[setting] = value;
  }
  // A command says in a line what went wrong; only what runs for long, and the drills, print where.
  if (part !== undefined || name.includes("/")) process.setSourceMapsEnabled?.(true);
  process.argv = [process.argv[0], file, ...rest];
  await import(pathToFileURL(file).href);
}

// Node 22 and later keep compiled code between runs: most of what a short command does is to load. Node 20 has no
// `navigator`, without which the Postgres driver loads all of `fetch` to learn that this is not Cloudflare.
module.enableCompileCache?.();
globalThis.navigator ??= { userAgent: `Node.js/${process.versions.node.split(".")[0]}` };
endWithReader(process.stdout);
endWithReader(process.stderr);
const [name, ...rest] = process.argv.slice(2);
// Under npm a command may have a colon in its name, demo:recon: here it is the same one.
await main(name?.replaceAll(":", "-"), rest);
