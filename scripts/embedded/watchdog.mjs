// Ends what was started in a folder when whoever started it was killed before it could: standard input closes with that
// process. Plain JavaScript, because nothing transforms it. The data is thrown away, so nothing is stopped gently.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";

const [folder] = process.argv.slice(2);
if (!folder || !/^signal-room-(test|bench|drill)-/.test(path.basename(folder)))
  throw new Error("usage: watchdog.mjs <folder>");
process.on("SIGINT", () => {}).on("SIGTERM", () => {});

/** Servers note themselves in a folder of their own, other processes in a file: both say what is seen of them in `ps`. */
function recorded() {
  const notes = readdirSync(folder).flatMap((name) => (name.endsWith(".pid") ? [name] : [path.join(name, "run.json")]));
  return notes.flatMap((note) => {
    try {
      return [JSON.parse(readFileSync(path.join(folder, note), "utf8"))];
    } catch {
      return [];
    }
  });
}

function isOurs({ pid, command = folder }) {
  try {
    const seen = execFileSync("ps", ["-ww", "-o", "command=", "-p", String(pid)]).toString();
    return seen.includes(command) || seen.includes("server start-dev");
  } catch {
    return false;
  }
}

/** A drill may have mounted a small disk there. */
function unmount() {
  try {
    const mounted = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[1] ?? "")
      .filter((place) => place.startsWith(`${folder}/`));
    for (const place of mounted) execFileSync("umount", [place], { stdio: "ignore" });
  } catch {
    // No /proc, or still in use: the next try may do it.
  }
}

async function cleanUp() {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    try {
      for (const note of recorded()) if (isOurs(note)) process.kill(note.pid, "SIGKILL");
    } catch {
      // The folder is gone, or the process is by now.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (process.env.KEEP !== undefined) return;
    unmount();
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
