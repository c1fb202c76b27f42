import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import type { Env } from "./config.ts";

/** The folder that holds our package.json, whether this runs from the sources or from dist/. */
export function projectRoot(): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (
      existsSync(manifest) &&
      (JSON.parse(readFileSync(manifest, "utf8")) as { name?: string }).name === "signal-room"
    )
      return folder;
    if (path.dirname(folder) === folder) throw new Error("found no package.json of signal-room above this file");
  }
}

/** What a running local stack lets the commands know: where its servers are. Written by `npm start`, readable by its owner only. */
export const stackFile = () => path.join(projectRoot(), ".signal-room", "stack.json");

/**
 * The settings in force: the environment, then `.env`, then the local stack's. The stack's count only when they belong
 * to the same servers: a sandbox's address must never end up beside a real database.
 */
export function readEnvironment(env: Env): Env {
  const file = path.join(projectRoot(), ".env");
  const set = { ...(existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {}), ...withoutBlanks(env) };
  if (!existsSync(stackFile())) return set;
  const stack = JSON.parse(readFileSync(stackFile(), "utf8")) as Record<string, string>;
  const same = ["DATABASE_URL", "TEMPORAL_ADDRESS"].every(
    (name) => set[name] === undefined || set[name] === stack[name],
  );
  return same ? { ...stack, ...set } : set;
}

function withoutBlanks(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
}
