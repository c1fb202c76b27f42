import { expect, test } from "@jest/globals";
import { clusterWorkflowId } from "./workflow-ids.ts";

test("a suggestion never joins a run that writes, nor one provider's run another's", () => {
  const ids = [
    { provider: null, dryRun: false },
    { provider: "rules", dryRun: false },
    { provider: "claude", dryRun: false },
    { provider: "claude", dryRun: true },
  ].map((kind) => clusterWorkflowId({ client: "713", ...kind }));
  expect(new Set(ids).size).toBe(4);
  expect(ids[0]).toBe("cluster-campaigns/713/as-set");
});
