import { WorkflowExecutionAlreadyStartedError, WorkflowUpdateFailedError } from "@temporalio/client";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { withinMs } from "../../core/deadline.ts";
import { canGoBack, keepApproval, movePlan, noteEvent } from "../../queries/pretargeting/plans.ts";
import { whyNotNow } from "../../queries/pretargeting/why-not-now.ts";
import { warning, warningText } from "../../rules/pretargeting/warning.ts";
import { pretargetingWorkflowId } from "../../rules/pretargeting/workflow-ids.ts";
import { sqlState } from "../../schema/database.ts";
import { mainQueue } from "../../temporal.config.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { ApiError, toAnswer, Unavailable } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { reasonOf, startWorkflow } from "../server/run-workflow.ts";
import { number } from "../server/shapes.ts";
import { planOf } from "./plan-of.ts";

const keepers = allow("admin", "operator");
const params = z.object({ id: number });
const started = z.object({ state: z.literal("running"), planId: z.number(), workflowId: z.string() });
const answerMs = 8_000;

export function approveRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/pretargeting/plans/:id/approve",
    {
      config: keepers,
      onError: (request, _reply, error) => recordRefusal(parts, request, error),
      schema: {
        tags: ["pretargeting"],
        summary: "Approves a plan by name and begins to apply it: 10, 50, 100 %, with an hour's watch of QPS at each",
        description:
          "Takes the plan's `digest` and the `version` of the warning as they were read: the acceptance of that text is recorded with who and when. The same again is safe. Off unless PRETARGETING_APPLY=on; not verified against Google.",
        params,
        body: z.strictObject({
          digest: z.string().max(100),
          warningVersion: z.number().int(),
          accepted: z.literal(true).describe("I have read the warning, and accept it"),
        }),
        response: { 202: started },
      },
    },
    async (request, reply) => {
      const { client, subject, role } = callerOf(request);
      const planId = request.params.id;
      const of = { client, planId };
      const plan = await planOf(parts, of);
      const { digest, warningVersion } = request.body;
      if (warningVersion !== warning.version)
        throw new ApiError("conflict", "the warning has a newer text: read and accept that one");
      if (digest !== plan.digest)
        throw new ApiError("conflict", "the plan is not the one that was read: read it again");
      if (plan.state !== "planned" && plan.state !== "approved")
        throw new ApiError("conflict", `the plan is ${plan.state}: it is applied once`);
      const settings = parts.config.pretargeting;
      const whyNot = await whyNotNow(parts.reading, plan, { client, settings });
      if (whyNot !== null) throw new ApiError("conflict", `it stops after the dry run: ${whyNot}`);
      await audited(parts, request, async (session, record) => {
        if (!(await movePlan(session, of, { from: ["planned"], to: "approved" }))) return;
        await keepApproval(session, of, {
          ...{ digest, warningVersion, warning: warningText, approvedBy: subject, role },
        });
        const words = `approved; the warning, version ${warning.version}, was accepted`;
        await noteEvent(session, of, { kind: "approved", actor: subject, words });
        await record(session, {
          action: "pretargeting_approved",
          subject: `pretargeting/${planId}`,
          details: { digest, warningVersion, warning: warningText },
        });
      }).catch(oneAtATime);
      const handle = await startWorkflow(parts, {
        type: "applyPretargeting",
        workflowId: pretargetingWorkflowId(client, planId),
        client,
        input: { client, planId, digest, warningVersion },
        summary: `${plan.title ?? `pretargeting plan ${planId}`}, client ${client} (not verified against the vendor)`,
        again: true,
      });
      await withinMs(answerMs, handle.executeUpdate("approve", { args: [{ digest, warningVersion }] })).catch(notSent);
      return reply.code(202).send({ state: "running", planId, workflowId: handle.workflowId });
    },
  );
}

const refusals: readonly number[] = [400, 403, 409];

/** Who wanted to approve what, and why that was refused: a role, what was read, or what stands against it. */
async function recordRefusal(parts: ServerParts, request: FastifyRequest, error: Error): Promise<void> {
  const { status, body } = toAnswer(error, request.id);
  const { id } = request.params as { id?: unknown };
  const planId = /^\d{1,15}$/.exec(String(id))?.[0];
  if (request.caller === null || planId === undefined || !refusals.includes(status)) return;
  await audited(parts, request, (session, record) =>
    record(session, {
      action: "pretargeting_approval_refused",
      subject: `pretargeting/${planId}`,
      details: { reason: body.message },
    }),
  );
}

function oneAtATime(error: unknown): never {
  if (sqlState(error) === "23505")
    throw new ApiError(
      "conflict",
      "another change of this bidder is under way: the effect of each on its QPS could not be separated",
    );
  throw error;
}

/** The acceptance is recorded all the same. */
function notSent(error: unknown): never {
  if (error instanceof WorkflowUpdateFailedError)
    throw new ApiError("conflict", reasonOf(error.cause) ?? "the approval was refused");
  throw new Unavailable("the approval is recorded, and no worker took it yet: send it again", error);
}

export function rollBackRoute(api: Api, parts: ServerParts): void {
  const { temporal, config } = parts;
  api.post(
    "/pretargeting/plans/:id/rollback",
    {
      config: keepers,
      schema: {
        tags: ["pretargeting"],
        summary: "Goes back to the configuration as it was before, now",
        description:
          "Of a change that is being applied, at once. Of one that was applied, unless another person has changed something since: then nothing is written, and there is a critical alert.",
        params,
        body: z.strictObject({}).nullish(),
        response: { 202: started },
      },
    },
    async (request, reply) => {
      const { client, subject } = callerOf(request);
      const planId = request.params.id;
      const of = { client, planId };
      const { state } = await planOf(parts, of);
      if (!canGoBack(state)) throw new ApiError("conflict", `the plan is ${state}: there is nothing to take back`);
      await audited(parts, request, async (session, record) => {
        await noteEvent(session, of, { kind: "rollback_asked", actor: subject, words: "a person asked to go back" });
        await record(session, { action: "pretargeting_rollback_asked", subject: `pretargeting/${planId}` });
      });
      const workflowId = `${config.queuePrefix}${pretargetingWorkflowId(client, planId)}`;
      const { workflow } = temporal.client;
      try {
        await withinMs(
          answerMs,
          workflow
            .start("rollBackPretargeting", {
              workflowId,
              taskQueue: config.queuePrefix + mainQueue,
              args: [of],
              staticSummary: `rollback of pretargeting plan ${planId}, client ${client}`,
              ...(config.searchAttributes ? {} : { memo: { searchAttributes: "off" } }),
            })
            .catch((error: unknown) => {
              // It is under way: it goes back by itself.
              if (error instanceof WorkflowExecutionAlreadyStartedError)
                return workflow.getHandle(workflowId).signal("rollBack");
              throw error;
            }),
        );
      } catch (error) {
        throw new Unavailable("Temporal does not answer, nothing was started; try again soon", error);
      }
      return reply.code(202).send({ state: "running", planId, workflowId });
    },
  );
}
