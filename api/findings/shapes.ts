import { z } from "zod";
import type { EvidenceRow, FindingRow } from "../../queries/findings/findings.ts";
import { findingKinds, findingStates } from "../../rules/findings/kinds.ts";
import { changeOf, stateFields } from "../server/listed-states.ts";
import { instant, money, storedOrigin, text } from "../server/shapes.ts";

export const finding = z.object({
  findingId: z.number().describe("stays the same over nights"),
  kind: z.enum(findingKinds),
  subject: z.string().describe("affiliate/…, anytrack/…, source/… or campaign/…; of paid_twice also the currency"),
  subjectName: z.string(),
  ...stateFields(findingStates),
  currency: z.string(),
  atStake: money.describe("the sum of what its rows put at stake"),
  cases: z.number().describe("how many rows it has"),
  firstDay: z.string(),
  lastDay: z.string(),
  words: z.string(),
  p: z.number().nullable().describe("how likely chance alone would do this; null where chance has no part"),
  windowFrom: z.string(),
  windowTo: z.string(),
  heldOn: z.string().describe("the last day of the last window in which it was found"),
  createdAt: instant,
  updatedAt: instant,
  origin: storedOrigin,
});

export const toFinding = (row: FindingRow): z.infer<typeof finding> => ({
  findingId: row.findingId,
  kind: row.kind,
  subject: row.subject,
  subjectName: row.subjectName,
  state: row.state,
  stateReason: row.stateReason,
  stateBy: row.stateBy,
  stateAt: row.stateAt.toISOString(),
  snoozedUntil: row.snoozedUntil,
  doneOn: row.doneOn,
  currency: row.currency,
  atStake: row.atStake,
  cases: row.cases,
  firstDay: row.firstDay,
  lastDay: row.lastDay,
  words: row.words,
  p: row.p,
  windowFrom: row.windowFrom,
  windowTo: row.windowTo,
  heldOn: row.heldOn,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
  origin: row.origin,
});

export const evidence = z.object({
  position: z.number(),
  date: z.string(),
  item: z.string().describe("the order, the conversion, the traffic source or the campaign"),
  saidBy: z.string(),
  amount: money,
  currency: z.string(),
  count: z
    .number()
    .nullable()
    .describe("clicks, conversions, seconds from the click, or which conversion of its address it is"),
  otherSaidBy: text.describe("who else says that an order is paid"),
  otherAmount: money.nullable(),
  otherCurrency: text,
  usual: z.string().nullable().describe("clicks or spend that would be usual, to two places"),
  atStake: money.nullable().describe("null where it is in another currency than the finding"),
});

export const toEvidence = ({ usual, ...row }: EvidenceRow): z.infer<typeof evidence> => ({
  ...row,
  usual: usual === null ? null : Number(usual).toFixed(2),
});

/** The figures that it follows from; which of them there are depends on the kind. */
const facts = z.object({
  usualCpc: z.number().nullish().describe("what a click of the source usually costs"),
  words: z.string().optional().describe("which conversions are counted"),
  medianSeconds: z.number().optional().describe("half of its conversions came sooner"),
  all: z.number().optional().describe("conversions that were looked at"),
  those: z.number().optional().describe("of these, how many are so"),
  share: z.number().optional(),
  usual: z.number().optional().describe("the median of the others' shares"),
  others: z.number().optional().describe("how many others"),
  countedBy: z.string().optional().describe("who counts the conversions"),
});

export const details = finding.extend({
  facts,
  explanation: z.string().describe("what may lie behind it without anything being wrong"),
  changes: z.array(changeOf(findingStates)).describe("the last first"),
  sql: z.string().describe("the rows as they are now, for an analyst"),
  workflowId: text,
  runId: z.string(),
});

export const parseFacts = (stored: unknown) => facts.parse(stored);

export const totals = z.object({
  count: z.number(),
  fresh: z.number().describe("of these, how many are new"),
  amounts: z.array(z.object({ currency: z.string(), count: z.number(), atStake: money })),
});

const searched = z.object({
  windowTo: z.string(),
  tested: z.number().describe("affiliates, sources, campaigns and days above the floors"),
  listed: z.number(),
  created: z.number().describe("of these, how many are new"),
  gone: z.number(),
});
export const last = searched.extend({ at: instant, workflowId: z.string(), runId: z.string(), method: z.string() });
export const answer = z.union([
  searched.extend({ searched: z.literal(true), workflowId: z.string() }),
  z.object({ searched: z.literal(false), reason: z.string(), workflowId: z.string() }),
]);
export const running = z.object({ state: z.literal("running"), workflowId: z.string() });
