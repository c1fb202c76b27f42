/** Why a line is as it is, for people. */
const reasons: Record<string, string> = {
  owed: "approved",
  pending: "pending at Everflow",
  not_approved: "not approved",
  claim_disputed: "a claim is in dispute",
  affiliate_unreliable: "the affiliate's claims are unreliable",
  held_by_hand: "held by a decision",
  day_not_final: "its day is not final",
  approved_since: "approved since the last statement",
  rejected_since: "rejected since it was approved",
  amount_changed: "the amount was changed",
  arrived_late: "arrived after its month was closed",
  withdrawn: "withdrawn by Everflow",
  released: "held before, owed now",
  moved: "counted elsewhere now",
  verified: "verified",
  too_high: "claimed too high",
  disputed: "in dispute",
  cannot_be_checked: "cannot be checked",
};

export const reasonWords = (reason: string) => reasons[reason] ?? reason.replaceAll("_", " ");

/** What keeps money back, the order in which people look at it. */
export const holdReasons = [
  "pending",
  "day_not_final",
  "claim_disputed",
  "affiliate_unreliable",
  "held_by_hand",
] as const;
