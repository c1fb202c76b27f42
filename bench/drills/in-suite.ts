import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { endWatchdog, noteProcess, startWatchdog } from "../../scripts/embedded/watchdog.ts";
import { projectRoot } from "../../settings/environment.ts";
import { finding, notRun, type Drill, type DrillSetup } from "./drill.ts";

interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numRuntimeErrorTestSuites: number;
}

/** A fault that tests of the suite already cause: the drill runs those files. */
export function inSuite(fault: {
  rows: number[];
  name: string;
  what: string;
  expected: string;
  files: string[];
  /** Settings of the tests, such as how many random cases they try. */
  env?: Record<string, string>;
}): Drill {
  const { rows, name, what, expected, files, env = {} } = fault;
  return {
    rows,
    name,
    done: `${what}; in the suite: ${files.join(", ")}`,
    expected,
    run: (setup) => runTests(files, env, setup),
  };
}

async function runTests(files: readonly string[], env: Record<string, string>, { say }: DrillSetup) {
  const root = projectRoot();
  const missing = files.filter((file) => !existsSync(path.join(root, file)));
  if (missing.length > 0) return notRun(`there is no ${missing.join(", ")} here: drills of the suite need the sources`);
  const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-drill-"));
  const watchdog = startWatchdog(folder);
  const results = path.join(folder, "results.json");
  try {
    const child = spawn(
      process.execPath,
      [
        "--experimental-vm-modules",
        "--no-warnings",
        "node_modules/jest/bin/jest.js",
        "--json",
        `--outputFile=${results}`,
        "--runTestsByPath",
        ...files,
      ],
      { cwd: root, stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...env } },
    );
    // Its own servers go when it does.
    const noted = noteProcess(folder, child, results);
    let output = "";
    child.stderr.on("data", (chunk) => (output += String(chunk)));
    await once(child, "exit");
    await noted;
    const found = await readFile(results, "utf8").then(
      (text) => JSON.parse(text) as Results,
      () => null,
    );
    const failed = found === null ? 1 : found.numFailedTests + found.numRuntimeErrorTestSuites;
    if (failed > 0) say(output.slice(-4_000));
    return finding(
      failed === 0 && (found?.numPassedTests ?? 0) > 0,
      `${found?.numPassedTests ?? 0} tests passed, ${failed} failed, ${found?.numPendingTests ?? 0} skipped`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
    await endWatchdog(watchdog);
  }
}
