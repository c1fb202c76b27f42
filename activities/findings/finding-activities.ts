import { guardedBy } from "../shared/failures.ts";
import { searchFindings, type FindingContext } from "./search-findings.ts";

/** Double and missing money. */
export function createFindingActivities(context: FindingContext) {
  const guarded = guardedBy(context.redact);
  return {
    searchFindings: (input: { input: unknown }) => guarded("findings", () => searchFindings(context, input)),
  };
}

export type FindingActivities = ReturnType<typeof createFindingActivities>;
