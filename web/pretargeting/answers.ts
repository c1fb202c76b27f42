import type { z } from "zod";
import type { planTotals } from "../../api/pretargeting/pretargeting.ts";
import type { plan, planDetails } from "../../api/pretargeting/shapes.ts";
import type { Tone } from "../components/format.tsx";

/** What the JSON routes answer. */
export type Plan = z.infer<typeof plan>;
export type PlanDetails = z.infer<typeof planDetails>;
export type PlanTotals = z.infer<typeof planTotals>;

export const plans = "/api/v1/rtb/pretargeting/plans";

export const stateWords: Record<Plan["state"], { tone: Tone; word: string }> = {
  planning: { tone: "note", word: "being computed" },
  planned: { tone: "note", word: "dry run" },
  refused: { tone: "quiet", word: "not possible" },
  approved: { tone: "note", word: "approved" },
  applying: { tone: "warning", word: "being applied" },
  applied: { tone: "good", word: "applied" },
  rolling_back: { tone: "warning", word: "being rolled back" },
  rolled_back: { tone: "quiet", word: "rolled back" },
  overtaken: { tone: "bad", word: "changed by another person" },
};

/** Whether it changes by itself: the page reads itself again. */
export const isMoving = ({ state }: Pick<Plan, "state">) =>
  ["planning", "approved", "applying", "rolling_back"].includes(state);
