// Ends the test servers when jest was killed before it could: standard input closes with the process that started us.
// Plain JavaScript, because nothing transforms it. The data is thrown away, so nothing is stopped gently.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";

const [folder] = process.argv.slice(2);
if (!folder || path.basename(folder).indexOf("signal-room-test-") !== 0) throw new Error("usage: watchdog.js <folder>");
process.on("SIGINT", () => {}).on("SIGTERM", () => {});

function recordedPid(server) {
  try {
    return JSON.parse(readFileSync(path.join(folder, server, "run.json"), "utf8")).pid;
  } catch {
    return undefined;
  }
}

function isOurServer(pid) {
  try {
    const command = execFileSync("ps", ["-ww", "-o", "command=", "-p", String(pid)]).toString();
    return command.includes(folder) || command.includes("server start-dev");
  } catch {
    return false;
  }
}

async function cleanUp() {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    for (const pid of ["postgres", "temporal"].map(recordedPid)) {
      if (pid !== undefined && isOurServer(pid)) process.kill(pid, "SIGKILL");
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch {
      // Backends are still leaving, and write while they do.
    }
  }
}

process.stdin.resume().on("error", () => {});
process.stdin.on("close", () => void cleanUp());
