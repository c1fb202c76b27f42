import { ApplicationFailure } from "@temporalio/common";
import { workflowInfo } from "@temporalio/workflow";

/** A workflow without options refuses input: it would be ignored. */
export function takesNoInput(workflow: string, input: unknown): void {
  // Input that an earlier run passed on was not typed by a person.
  if (input === undefined || input === null || workflowInfo().continuedFromExecutionRunId !== undefined) return;
  const fields = typeof input === "object" ? Object.keys(input) : [String(input)];
  if (fields.length === 0) return;
  const named = fields.map((field) => `unknown field "${field.slice(0, 100)}"`).join("; ");
  throw ApplicationFailure.create({
    type: "InvalidInput",
    message: `${named}: ${workflow} takes no input`,
    nonRetryable: true,
  });
}
