import { guardedBy } from "../shared/failures.ts";
import type { MirrorContext } from "./mirror-context.ts";
import { mirrorChanges } from "./mirror-days.ts";

/** The column store beside Postgres. */
export function createMirrorActivities(context: MirrorContext) {
  const guarded = guardedBy(context.redact);
  return { mirrorChanges: () => guarded("mirror", () => mirrorChanges(context)) };
}

/** What workflows may call. */
export type MirrorActivities = ReturnType<typeof createMirrorActivities>;
