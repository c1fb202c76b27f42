import { createRedactor } from "../core/redact.ts";
import { ConfigError } from "../settings/config.ts";

/** The last word of a process that could not start or go on: nothing long of its environment is in it. */
export function sayWhyItEnds(error: unknown, env: NodeJS.ProcessEnv): void {
  const values = Object.values(env).filter((value): value is string => (value?.length ?? 0) > 11);
  console.error(
    error instanceof ConfigError
      ? error.message
      : createRedactor(values)(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  );
  process.exitCode = 1;
}
