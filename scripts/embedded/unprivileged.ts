import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Identity } from "./process.ts";

let knownUser: Identity | undefined;

/** PostgreSQL refuses to run as root; this is who runs it then. Undefined: ourselves. */
export function unprivilegedUser(): Identity | undefined {
  if (process.getuid?.() !== 0) return undefined;
  knownUser ??= passwdEntry("postgres") ?? createUser("postgres") ?? passwdEntry("nobody");
  if (!knownUser) throw new Error("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`.");
  return knownUser;
}

function passwdEntry(name: string): Identity | undefined {
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user === name) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

function createUser(name: string): Identity | undefined {
  try {
    execFileSync("useradd", ["--system", "--user-group", "--no-create-home", name], { stdio: "ignore" });
    return passwdEntry(name);
  } catch {
    return undefined;
  }
}

/** Asked of the system instead of computed from modes: ACLs and containers have their own rules. */
export function canEnter(folder: string, user: Identity | undefined): boolean {
  try {
    execFileSync("/bin/sh", ["-c", 'cd "$1"', "sh", folder], { stdio: "ignore", cwd: "/", ...user });
    return true;
  } catch {
    return false;
  }
}

/** Where PostgreSQL runs as another user, that user may enter the folder; no other user sees what is inside. */
const folderMode = () => (unprivilegedUser() === undefined ? 0o700 : 0o711);

/** Creates a folder with its parents; those created, and the folder itself, are closed to others, whatever the umask. */
export function makeFolder(folder: string): void {
  const firstCreated = mkdirSync(folder, { recursive: true });
  chmodSync(folder, folderMode());
  if (firstCreated === undefined) return;
  for (let created = folder; created !== firstCreated;) {
    created = path.dirname(created);
    chmodSync(created, folderMode());
  }
}

/** What is inside these is not touched: PostgreSQL guards its own, and what people put up for import is theirs. */
const leftAlone = /^(cluster|import$)/;

/** Closes what an earlier release, or a careless umask, left open to others. */
export function closeToOthers(folder: string): void {
  closeOne(folder, folderMode());
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const inside = path.join(folder, entry.name);
    if (entry.isFile()) closeOne(inside, 0o600);
    else if (entry.isDirectory() && leftAlone.test(entry.name)) closeOne(inside, 0o700);
    else if (entry.isDirectory()) closeToOthers(inside);
  }
}

function closeOne(place: string, mode: number): void {
  try {
    chmodSync(place, mode);
  } catch (error) {
    // Another user's file in our folder: the folder is closed, and that is enough.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}

/** Where the servers keep their data: in the clone, or, for root in a folder closed to others, where PostgreSQL's user can go. */
export function defaultDataDir(home: string): string {
  if (canEnter(home, unprivilegedUser())) return path.join(home, ".signal-room");
  const hash = createHash("sha256").update(home).digest("hex").slice(0, 12);
  return path.join(sharedFolder(), `data-${hash}`);
}

/** A folder of ours that every user can pass through. */
export function sharedFolder(): string {
  const candidates = ["/var/lib/signal-room", path.join(os.tmpdir(), `signal-room-${process.getuid?.() ?? 0}`)];
  for (const folder of candidates) {
    try {
      makeFolder(folder);
      accessSync(folder, constants.W_OK);
      // In a folder open to all, another user may have made it first.
      const { uid } = lstatSync(folder);
      if (uid === process.getuid?.() && canEnter(folder, unprivilegedUser())) return folder;
    } catch {
      continue;
    }
  }
  throw new Error(`None of ${candidates.join(", ")} can be used for data. Set DATA_DIR to a folder that can.`);
}
