import { guardedBy } from "../shared/failures.ts";
import { compareConversions } from "./compare-conversions.ts";
import { searchFindings, type FindingContext } from "./search-findings.ts";

/** Double and missing money, and conversions that vendors do not have alike. */
export function createFindingActivities(context: FindingContext) {
  const guarded = guardedBy(context.redact);
  return {
    searchFindings: (input: { input: unknown }) => guarded("findings", () => searchFindings(context, input)),
    compareConversions: (input: { input: unknown }) => guarded("tie-out", () => compareConversions(context, input)),
  };
}

export type FindingActivities = ReturnType<typeof createFindingActivities>;
