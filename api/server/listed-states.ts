import { z } from "zod";
import { dayAt } from "../../core/days.ts";
import { needReason, type ListedState } from "../../rules/shared/listed-states.ts";
import { maskName } from "../../core/personal.ts";
import { decide, firstDayOf, type ChangedMeanwhile, type Kept } from "../../queries/shared/listed-states.ts";
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
    done_on: day
      .optional()
      .describe("the day on which it was done, not before the first one that was looked at; today when left out"),
    expectedState: z
      .enum(of.states)
      .optional()
      .describe("the state that it was seen in: 409 if another person or a search has changed it since"),
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
      const { state, expectedState: expected = null } = given;
      const today = dayAt(new Date(), parts.config.ingest.clients.get(client)?.timezone ?? "UTC");
      const { reason, until, doneOn } = checkedDecision(given, today);
      return audited(parts, request, async (session, record) => {
        const { actor, role } = actorOf(request);
        const firstDay = doneOn === null ? null : await firstDayOf(session, of.kept, { client, id });
        if (firstDay !== null && doneOn !== null && doneOn < firstDay)
          throw notValid({ done_on: `must not be before ${firstDay}, the first day that was looked at` });
        const result = await decide(session, of.kept, {
          ...{ client, id, state, reason, until, doneOn, actor },
          ...{ role: role ?? "admin", expected },
        });
        if (result === null) throw notFound(of.noun);
        if ("meanwhile" in result) throw changedMeanwhile(of.noun, result.meanwhile);
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
  expectedState?: ListedState | undefined;
}

const notValid = (problems: Record<string, string>) => new ApiError("validation_error", "body is not valid", problems);

const changedMeanwhile = (noun: string, { state, actor, at }: ChangedMeanwhile) =>
  new ApiError(
    "conflict",
    `${actor} has changed this ${noun} to ${state} since, at ${at.toISOString()}: look at it again`,
    { state, actor, at: at.toISOString() },
  );

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
  if (Object.keys(problems).length > 0) throw notValid(problems);
  return {
    reason: reason === undefined ? null : maskName(reason),
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
