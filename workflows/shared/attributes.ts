import { defineSearchAttributeKey, SearchAttributeType, type SearchAttributePair } from "@temporalio/common";
import { upsertSearchAttributes, workflowInfo } from "@temporalio/workflow";

export const clientIdKey = defineSearchAttributeKey("ClientId", SearchAttributeType.KEYWORD);
export const sourceKey = defineSearchAttributeKey("Source", SearchAttributeType.KEYWORD);
export const sliceDayKey = defineSearchAttributeKey("SliceDay", SearchAttributeType.KEYWORD);
export const outcomeKey = defineSearchAttributeKey("Outcome", SearchAttributeType.KEYWORD);

/** A stack whose namespace does not know our search attributes starts its workflows without them: an unknown one refuses the start. */
export function searchAttributes(pairs: SearchAttributePair[]): { typedSearchAttributes?: SearchAttributePair[] } {
  return workflowInfo().memo?.["searchAttributes"] === "off" ? {} : { typedSearchAttributes: pairs };
}

/** The memo that passes this on to a child. */
export function startMemo(): { memo?: Record<string, string> } {
  return workflowInfo().memo?.["searchAttributes"] === "off" ? { memo: { searchAttributes: "off" } } : {};
}

/** Shows them on the workflow that runs, where its namespace knows them. */
export function note(pairs: SearchAttributePair[]): void {
  if (searchAttributes(pairs).typedSearchAttributes !== undefined) upsertSearchAttributes(pairs);
}
