import { z } from "zod";
import { dayAt } from "../../core/days.ts";
import { needReason, type ListedState } from "../../rules/shared/listed-states.ts";
import { decide, type Kept } from "../../queries/shared/listed-states.ts";
import type { AuditAction } from "../../queries/ops/audit.ts";
import { allow, callerOf } from "./access.ts";
import { actorOf, audited } from "./audited.ts";
import { ApiError, notFound } from "./errors.ts";
import { day } from "./lists.ts";
import type { Api, ServerParts } from "./parts.ts";
import { instant, notes, number, text } from "./shapes.ts";

interface Decided<States extends readonly [ListedState, ...ListedState[]]> {
  /** `/opportunities` for `POST /opportunities/:id/state`. */
  path: string;
  tags: string[];
  summary: string;
  description: string;
  /** What one of them is called. */
  noun: string;
  kept: Kept;
  states: readonly [ListedState, ...ListedState[]];
  decidedStates: States;
  action: AuditAction;
  /** What else is done in the same transaction when the state changed. */
  also?: (
    session: Parameters<typeof decide>[0],
    of: { client: string; id: number; state: ListedState },
  ) => Promise<void>;
}

/** The route by which a person says what they make of something that a search lists. */
export function decideRoute<States extends readonly [ListedState, ...ListedState[]]>(
  api: Api,
  parts: ServerParts,
  of: Decided<States>,
): void {
  const response: Record<number, z.ZodType> = { 200: z.object({ changed: z.boolean(), state: z.enum(of.states) }) };
  const body = z.strictObject({
    state: z.enum(of.decidedStates),
    reason: notes.optional().describe("needed to dismiss or to snooze"),
    until: day.optional().describe("the day on which one that is snoozed comes back"),
    done_on: day.optional().describe("the day on which it was done; today when left out"),
  });
  api.post(
    `${of.path}/:id/state`,
    {
      config: allow("admin", "operator"),
      schema: {
        tags: of.tags,
        summary: of.summary,
        description: of.description,
        params: z.object({ id: number }),
        body,
        response,
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { id } = request.params;
      const given = request.body as Given;
      const { state } = given;
      const today = dayAt(new Date(), parts.config.ingest.clients.get(client)?.timezone ?? "UTC");
      const { reason, until, doneOn } = checkedDecision(given, today);
      return audited(parts, request, async (session, record) => {
        const { actor, role } = actorOf(request);
        const result = await decide(session, of.kept, {
          ...{ client, id, state, reason, until, doneOn, actor },
          role: role ?? "admin",
        });
        if (result === null) throw notFound(of.noun);
        if (result.changed) {
          await of.also?.(session, { client, id, state });
          await record(session, {
            action: of.action,
            subject: `${of.noun}/${id}`,
            details: { from: result.from, to: state, reason, until, doneOn },
          });
        }
        return { changed: result.changed, state };
      });
    },
  );
}

interface Given {
  state: ListedState;
  reason?: string | undefined;
  until?: string | undefined;
  done_on?: string | undefined;
}

function checkedDecision({ state, reason, until, done_on: doneOn }: Given, today: string) {
  const problems = {
    ...(reason === undefined && needReason.includes(state) ? { reason: `is missing: say why it is ${state}` } : {}),
    ...(state === "snoozed" && (until === undefined || until <= today)
      ? { until: "must be a day after today: when it is to come back" }
      : {}),
    ...(state !== "snoozed" && until !== undefined ? { until: "goes with snoozed only" } : {}),
    ...(state !== "done" && doneOn !== undefined ? { done_on: "goes with done only" } : {}),
    ...(doneOn !== undefined && doneOn > today ? { done_on: "must not be after today" } : {}),
  };
  if (Object.keys(problems).length > 0) throw new ApiError("validation_error", "body is not valid", problems);
  return {
    reason: reason ?? null,
    until: until ?? null,
    doneOn: state === "done" ? (doneOn ?? today) : null,
  };
}

/** A line of what became of one. */
export const changeOf = <States extends readonly [string, ...string[]]>(states: States) =>
  z.object({
    at: instant,
    actor: z.string(),
    role: text,
    from: z.enum(states).nullable(),
    to: z.enum(states),
    reason: text,
  });

/** The state of one, as every list of them answers it. */
export const stateFields = <States extends readonly [string, ...string[]]>(states: States) => ({
  state: z.enum(states).describe("gone: it does not hold any more"),
  stateReason: text,
  stateBy: text,
  stateAt: instant,
  snoozedUntil: text,
  doneOn: text,
});
