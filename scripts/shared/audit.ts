import { userInfo } from "node:os";
import type { Actor } from "../../queries/ops/audit.ts";

/** Who acts from the command line: the account of the operating system, as a token has a subject. */
export function commandLineActor(): Actor {
  return { actor: `cli:${osUser()}`, role: null };
}

/** A container may run as a user id that has no name. */
function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}
