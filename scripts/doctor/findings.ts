import { CommandError } from "../shared/command-line.ts";

/** One thing that was looked at, and what to do about it. */
export interface Finding {
  level: "ok" | "warn" | "FAIL";
  what: string;
  /** What to do about it. */
  todo?: string;
}

/** How long a vendor or S3 may take to answer. */
export const probeTimeoutMs = 20_000;

export const ok = (what: string): Finding => ({ level: "ok", what });
export const warn = (what: string, todo: string): Finding => ({ level: "warn", what, todo });
export const fail = (what: string, todo: string): Finding => ({ level: "FAIL", what, todo });

export function messageOf(error: unknown): string {
  if (error instanceof CommandError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
