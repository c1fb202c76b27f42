import { differences, withLeaf, type Leaves } from "./leaves.ts";

/** How much of the traffic the change has: 0 is the snapshot, 100 the approved configuration. */
export const stages = [10, 50, 100] as const;
export type Stage = (typeof stages)[number] | 0;

/** gradual: a capped clone takes a share of the traffic, and the original is capped to the rest. */
export type Rollout = "gradual" | "at_once";

export interface Change {
  rollout: Rollout;
  /** The original before, and as it was approved. */
  snapshot: Leaves;
  target: Leaves;
  /** What the original gets, in requests a second: shares are of it. Null where the change is made at once. */
  totalQps: number | null;
  cloneName: string;
}

/** What there is to be at a stage. Null: no clone. */
export interface Desired {
  original: Leaves;
  clone: Leaves | null;
}

export const cap = "maximumQps";

export const stagesOf = ({ rollout }: Pick<Change, "rollout">): readonly Stage[] =>
  rollout === "gradual" ? stages : [100];

/**
 * The exchange has no switch for a share of traffic: a clone beside the original would add to it. So at 10 and 50 % the
 * original is capped to what the clone does not get. At 100 % the original itself is changed, and keeps its number and its
 * billing id; the clone goes.
 */
export function desiredAt(change: Change, stage: Stage): Desired {
  const { snapshot, target, totalQps, rollout } = change;
  if (stage === 0) return { original: snapshot, clone: null };
  if (stage === 100) return { original: target, clone: null };
  if (rollout !== "gradual" || totalQps === null) throw new RangeError("a share is of a gradual change only");
  const share = shareOf(totalQps, stage);
  return {
    original: withLeaf(snapshot, cap, String(totalQps - share)),
    clone: withLeaf(target, cap, String(share)),
  };
}

/** Never nothing: a cap of zero might mean none. */
const shareOf = (totalQps: number, stage: Stage) => Math.max(1, Math.floor((totalQps * stage) / 100));

/** Parts of the original that the change ever touches. */
export function ownPaths(change: Change): ReadonlySet<string> {
  const paths = new Set(differences(change.snapshot, change.target).map(({ path }) => path));
  if (change.rollout === "gradual") paths.add(cap);
  return paths;
}

/** Below this a tenth is too little to be seen in a feed. */
export const leastTotalQps = 20;

export type RolloutChoice =
  { rollout: "gradual"; totalQps: number; reason: string } | { rollout: "at_once"; totalQps: null; reason: string };

/** Whether a percentage can be made real, and what it would be of. */
export function chooseRollout(of: {
  wanted: Rollout | null;
  maximumQps: number | null;
  /** Active configurations of the bidder, this one included. */
  active: number;
  /** Configurations of the bidder in all, and how many there may be. */
  configs: number;
  mostConfigs: number;
  /** What the bidder's own feed counts now; null without one. */
  measuredQps: number | null;
}): RolloutChoice {
  const atOnce = (reason: string): RolloutChoice => ({ rollout: "at_once", totalQps: null, reason });
  if (of.wanted === "at_once") return atOnce("asked for");
  if (of.configs >= of.mostConfigs) return atOnce(`all ${of.mostConfigs} places are taken: there is none for a clone`);
  const measured = of.measuredQps === null ? null : Math.floor(of.measuredQps);
  if (of.maximumQps === null && of.active !== 1)
    return atOnce(
      "it has no maximum QPS, and is not the only active configuration: a share of its traffic is not known",
    );
  const known = [of.maximumQps, measured].filter((qps): qps is number => qps !== null);
  if (known.length === 0) return atOnce("it has no maximum QPS, and no feed says how much it gets");
  const totalQps = Math.min(...known);
  if (totalQps < leastTotalQps) return atOnce(`${totalQps} requests a second are too few for a tenth of them`);
  return {
    rollout: "gradual",
    totalQps,
    reason: `shares are of ${totalQps.toLocaleString("en-US")} requests a second, ${totalQps === of.maximumQps ? "its maximum" : "what is measured now"}`,
  };
}
