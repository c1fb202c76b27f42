/** One step of a customer's journey, as far as weighing it needs. */
export interface JourneyStep {
  type: string;
  at: Date;
}

export const attributionModels = ["last_click", "first_click", "linear", "time_decay"] as const;
export type AttributionModel = (typeof attributionModels)[number];

export interface AttributionOptions {
  /** A step this much older than another counts half as much. */
  halfLifeDays: number;
}

/** Nothing is made up about an unknown journey. */
export type Attribution = { state: "unknown" } | { state: "known"; weights: Record<AttributionModel, string[]> };

/** Weights are decimals of six places that add up to exactly 1. */
const units = 1_000_000;
const dayMs = 86_400_000;

/** How much each step is given, by each model, in the order of the steps. */
export function attribute(steps: readonly JourneyStep[] | null, { halfLifeDays }: AttributionOptions): Attribution {
  if (steps === null || steps.length === 0) return { state: "unknown" };
  const newest = Math.max(...steps.map((step) => step.at.getTime()));
  const ageDays = (step: JourneyStep) => (newest - step.at.getTime()) / dayMs;
  return {
    state: "known",
    weights: {
      last_click: apportion(steps.map((step) => (step === chosen(steps, "last") ? 1 : 0))),
      first_click: apportion(steps.map((step) => (step === chosen(steps, "first") ? 1 : 0))),
      linear: apportion(steps.map(() => 1)),
      // Measured from the newest step: the moment of the conversion would only scale all shares alike.
      time_decay: apportion(steps.map((step) => 2 ** (-ageDays(step) / halfLifeDays))),
    },
  };
}

/** The first or last click; of a journey without a click, the first or last step. */
function chosen(steps: readonly JourneyStep[], which: "first" | "last"): JourneyStep | undefined {
  const clicks = steps.filter((step) => step.type === "click");
  const ordered = inTime(clicks.length === 0 ? steps : clicks);
  return which === "first" ? ordered[0] : ordered.at(-1);
}

/** Steps of one moment keep the order in which they came. */
function inTime(steps: readonly JourneyStep[]): JourneyStep[] {
  return [...steps].sort((one, other) => one.at.getTime() - other.at.getTime());
}

/** Largest remainder: each share is cut at the sixth place, and the millionths left over go to those cut the most. */
function apportion(shares: readonly number[]): string[] {
  const sum = shares.reduce((total, share) => total + share, 0);
  const exact = shares.map((share) => (share / sum) * units);
  const given = exact.map(Math.floor);
  const byLoss = exact
    .map((share, index) => ({ index, loss: share - Math.floor(share) }))
    .sort((one, other) => other.loss - one.loss || one.index - other.index);
  const left = units - given.reduce((total, share) => total + share, 0);
  for (const { index } of byLoss.slice(0, left)) given[index] = (given[index] ?? 0) + 1;
  return given.map((share) => `${Math.floor(share / units)}.${String(share % units).padStart(6, "0")}`);
}
