import { lstatSync } from "node:fs";
import { access, constants, mkdir } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/** Folders that may hold what we downloaded for this user, the preferred one first. */
export function cacheFolders(env: NodeJS.ProcessEnv = process.env): string[] {
  const folders = [];
  if (env["XDG_CACHE_HOME"]) folders.push(path.join(env["XDG_CACHE_HOME"], "signal-room"));
  const home = env["HOME"] ?? homeOfUser();
  if (process.platform === "win32" && env["LOCALAPPDATA"]) folders.push(path.join(env["LOCALAPPDATA"], "signal-room"));
  else if (process.platform === "darwin" && home) folders.push(path.join(home, "Library/Caches/signal-room"));
  else if (home) folders.push(path.join(home, ".cache/signal-room"));
  folders.push(path.join(os.tmpdir(), `signal-room-cache-${process.getuid?.() ?? 0}`));
  return folders;
}

function homeOfUser(): string | undefined {
  try {
    return os.userInfo().homedir;
  } catch {
    return undefined;
  }
}

/** Files in a folder that another user owns must not be run. */
export function isOurs(folder: string): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat !== undefined && (process.getuid === undefined || stat.uid === process.getuid());
}

/** The first of them that can be written, created if need be. */
export async function cacheFolder(candidates = cacheFolders()): Promise<string> {
  for (const folder of candidates) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      await access(folder, constants.W_OK | constants.X_OK);
      if (isOurs(folder)) return folder;
    } catch {
      continue;
    }
  }
  throw new Error(`None of ${candidates.join(", ")} can be written. Set XDG_CACHE_HOME to a folder that can.`);
}
