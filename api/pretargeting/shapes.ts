import { z } from "zod";
import { planStates, type ApprovalRow, type EventRow, type PlanRow } from "../../queries/pretargeting/plans.ts";
import type { WriteRow } from "../../queries/pretargeting/writes.ts";
import type { Leaf } from "../../rules/pretargeting/leaves.ts";
import { askedText } from "../../rules/pretargeting/subject.ts";
import { leafText, partName } from "../../rules/pretargeting/words.ts";
import { instant, storedOrigin, text } from "../server/shapes.ts";

export const rollouts = ["gradual", "at_once"] as const;

export const plan = z.object({
  planId: z.number(),
  source: z.enum(["waste", "opportunity"]),
  opportunityId: z.number().nullable(),
  title: z.string().describe("what it does; of one that was not possible what was asked for"),
  state: z
    .enum(planStates)
    .describe("planned: a dry run, nothing is written; overtaken: another person changed the configuration"),
  stateReason: text,
  stateAt: instant,
  stage: z.number().describe("the share of the traffic that has the change now, in percent"),
  configId: text,
  configName: text,
  rollout: z.enum(rollouts).nullable().describe("gradual: 10, 50 and 100 %; at_once: in one step"),
  rolloutReason: text,
  totalQps: z.number().nullable().describe("what shares are of, in requests a second"),
  expectedShare: z
    .number()
    .nullable()
    .describe("of the bidder's requests, what the change takes, in percent; null where it is not known"),
  baselineQps: z.number().nullable().describe("requests a second before the first write"),
  createdAt: instant,
  createdBy: z.string(),
  origin: storedOrigin,
});
export type Plan = z.infer<typeof plan>;

const round = (value: number | null, places: number) => (value === null ? null : Math.round(value * places) / places);

export const toPlan = (row: PlanRow): Plan => ({
  planId: row.planId,
  source: row.source,
  opportunityId: row.opportunityId,
  title: row.title ?? askedText(row),
  state: row.state,
  stateReason: row.stateReason,
  stateAt: row.stateAt.toISOString(),
  stage: row.stage,
  configId: row.configId,
  configName: row.configName,
  rollout: row.rollout,
  rolloutReason: row.rolloutReason,
  totalQps: row.totalQps,
  expectedShare: round(row.expectedShare === null ? null : row.expectedShare * 100, 100),
  baselineQps: round(row.baselineQps, 100),
  createdAt: row.createdAt.toISOString(),
  createdBy: row.createdBy,
  origin: row.origin,
});

const leaf = z.union([z.string(), z.array(z.string())]).nullable();
const exactly = (of: Leaf | null): z.infer<typeof leaf> => (of === null || typeof of === "string" ? of : [...of]);

const part = z.object({
  path: z.string().describe("as the exchange names it"),
  part: z.string().describe("as people call it"),
  before: text.describe("in words, countries by name; null: unset"),
  after: text.describe("in words, countries by name; null: unset"),
  exact: z
    .object({ before: leaf, after: leaf })
    .describe("the same as the exchange has it: of countries its ids, of sizes JSON; null: unset"),
});

export const planDetails = plan.extend({
  difference: z.array(part),
  waste: z
    .object({ by: z.string(), value: z.string() })
    .nullable()
    .describe("what was asked to be left out, as it was sent; null for an opportunity"),
  wantedRollout: z.enum(rollouts).nullable().describe("the rollout that was asked for; null where none was named"),
  candidates: z
    .array(z.object({ configId: z.string(), displayName: z.string() }))
    .describe("where several configurations are possible: send the same again with one of these as `configId`"),
  takeBackFirst: z
    .number()
    .nullable()
    .describe("a plan that has changed the same configuration since, and has to be rolled back before this one"),
  whyNot: text.describe("why it cannot be applied now; null if nothing speaks against it"),
  digest: text.describe("of what is approved: to be sent with the approval"),
  warning: z.object({ version: z.number(), text: z.array(z.string()) }).describe("what an operator accepts"),
  approval: z
    .object({ approvedBy: z.string(), role: z.string(), at: instant, warningVersion: z.number(), warning: z.string() })
    .nullable(),
  events: z
    .array(
      z.object({
        eventId: z.number(),
        at: instant,
        kind: z.string(),
        actor: z.string(),
        words: z.string(),
        qps: z.number().nullable(),
      }),
    )
    .describe("the last first"),
  writes: z
    .array(
      z.object({
        writeId: z.number(),
        sentAt: instant,
        stage: z.number(),
        which: z.enum(["original", "clone"]),
        kind: z.string(),
        state: z
          .enum(["sent", "arrived", "refused", "withheld"])
          .describe(
            "sent: whether it arrived is not known; withheld: something changed in the last moment, and it was not sent",
          ),
        changes: z.array(part),
      }),
    )
    .describe("what was sent to the exchange, in order"),
  workflowId: text,
});

export interface Details {
  row: PlanRow;
  approval: ApprovalRow | null;
  events: EventRow[];
  writes: WriteRow[];
  takeBackFirst: number | null;
  whyNot: string | null;
  warning: z.infer<typeof planDetails>["warning"];
}

const toPart = ({ path, before, after }: WriteRow["changes"][number]) => ({
  path,
  part: partName(path),
  before: leafText(path, before),
  after: leafText(path, after),
  exact: { before: exactly(before), after: exactly(after) },
});

export const toDetails = ({
  row,
  approval,
  events,
  writes,
  takeBackFirst,
  whyNot,
  warning,
}: Details): z.infer<typeof planDetails> => ({
  ...toPlan(row),
  difference: (row.difference ?? []).map(toPart),
  waste: row.source === "waste" ? (row.wanted as { by: string; value: string }) : null,
  wantedRollout: row.wantedRollout,
  candidates: row.candidates.map(({ configId, displayName }) => ({ configId, displayName })),
  takeBackFirst,
  whyNot,
  digest: row.digest,
  warning,
  approval:
    approval === null
      ? null
      : {
          approvedBy: approval.approvedBy,
          role: approval.role,
          at: approval.at.toISOString(),
          warningVersion: approval.warningVersion,
          warning: approval.warning,
        },
  events: events.map(({ at, qps, ...one }) => ({ ...one, at: at.toISOString(), qps: round(qps, 100) })),
  writes: writes.map(({ writeId, sentAt, stage, which, kind, state, changes }) => ({
    ...{ writeId, sentAt: sentAt.toISOString(), stage, which, kind, state },
    changes: changes.map(toPart),
  })),
  workflowId: row.workflowId,
});
