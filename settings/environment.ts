import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import type { Env } from "./shapes.ts";

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

/**
 * Where `.env` is read and local data is kept: the folder that SIGNAL_ROOM_HOME names; else a clone's own; for a package
 * that was installed into another project, the folder its command was called in.
 */
export function homeFolder(): string {
  const named = process.env["SIGNAL_ROOM_HOME"];
  if (named) return path.resolve(named);
  const root = projectRoot();
  return root.split(path.sep).includes("node_modules") ? process.cwd() : root;
}

/** Local data, logs and secrets of `npm start`. */
export const localFolder = () => path.join(homeFolder(), ".signal-room");

/** What a running local stack lets the commands know: where its servers are. Written by `npm start`, readable by its owner only. */
export const stackFile = () => path.join(localFolder(), "stack.json");

/** What a person set: the environment, then `.env`. */
export function readOwnEnvironment(env: Env): Env {
  const file = path.join(homeFolder(), ".env");
  return { ...(existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {}), ...withoutBlanks(env) };
}

/**
 * The settings in force: the environment, then `.env`, then the local stack's. The stack's count only when they belong
 * to the same servers: a sandbox's address must never end up beside a real database.
 */
export function readEnvironment(env: Env): Env {
  const set = readOwnEnvironment(env);
  const stack = readStack();
  if (stack !== null && isSameStack(set, stack)) return { ...stack, ...set };
  const namesTemporal = ["TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE"].some((name) => set[name]);
  return set["TEMPORAL_PORT"] === undefined || namesTemporal
    ? set
    : { ...set, TEMPORAL_ADDRESS: `127.0.0.1:${set["TEMPORAL_PORT"]}` };
}

function readStack(): Record<string, string> | null {
  return existsSync(stackFile()) ? (JSON.parse(readFileSync(stackFile(), "utf8")) as Record<string, string>) : null;
}

/** A port that was set for `npm start` names its server as an address does. */
function isSameStack(set: Env, stack: Record<string, string>): boolean {
  const agrees = (name: string) => set[name] === undefined || set[name] === stack[name];
  const portAgrees = (setting: string, name: string) =>
    set[setting] === undefined || set[name] !== undefined || portOf(stack[name]) === set[setting];
  return (
    agrees("DATABASE_URL") &&
    agrees("TEMPORAL_ADDRESS") &&
    portAgrees("POSTGRES_PORT", "DATABASE_URL") &&
    portAgrees("TEMPORAL_PORT", "TEMPORAL_ADDRESS")
  );
}

function portOf(address = ""): string | undefined {
  return /:(\d+)(?:\/|$)/.exec(address)?.[1];
}

function withoutBlanks(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
}
