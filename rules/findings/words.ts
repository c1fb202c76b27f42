import { lookDays, type FindingKind, type Found } from "./kinds.ts";
import { gapFloors } from "./gaps.ts";
import { partedFloors } from "./parted.ts";
import { fewestOthers } from "./unlike.ts";
import { unlikeFloors } from "./affiliates.ts";

/** What the rows of a finding come to. */
export interface Sums {
  cases: number;
  atStake: string;
  /** Who else says that they were paid, for orders that were paid twice. */
  others: readonly string[];
  /** Conversions or clicks of all rows. */
  count: number;
  /** The sum of their amounts in the finding's currency. */
  amount: string;
}

const percent = (share: unknown) => `${Math.round(Number(share) * 1000) / 10} %`;
const counted = (count: number, noun: string) => `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;

/** What was found, in a sentence. It says what the records say, and blames no one. */
export function describeFinding({ kind, name, facts }: Found, sums: Sums): string {
  const money = (amount: string) => `${amount} ${facts.currency}`;
  const { cases, atStake, amount, count } = sums;
  switch (kind) {
    case "paid_twice":
      return `${counted(cases, "order")} of ${name} ${cases === 1 ? "was" : "were"} ${paidBy(sums.others)}: ${money(atStake)}.`;
    case "spend_without_clicks":
      return facts["usualCpc"] === null
        ? `${name} has spend and never had a click: ${money(amount)} on ${counted(cases, "day")}.`
        : `${name}: ${money(amount)} ${cases === 1 ? "was" : "were"} spent on ${counted(cases, "day")} with ${count === 0 ? "no clicks" : counted(count, "click")}.`;
    case "clicks_without_spend":
      return `${name}: ${counted(count, "click")} on ${counted(cases, "day")} came with a spend of ${money(amount)}; at their usual price they would have cost ${money(atStake)} more.`;
    case "click_times":
      return `${percent(facts["share"])} of ${counted(Number(facts["all"]), "conversion")} of ${name} came ${String(facts["words"])}; of the others it is ${percent(facts["usual"])}. Their payout: ${money(atStake)}.`;
    case "repeat_addresses":
      return `${percent(facts["share"])} of ${counted(Number(facts["all"]), "conversion")} of ${name} came from an address that had brought one before; of the others it is ${percent(facts["usual"])}. Their amount: ${money(atStake)}.`;
    case "parted_ways":
      return `${name}: on ${counted(cases, "day")} spend and conversions were out of proportion: ${money(amount)} for ${counted(count, "conversion")}, ${money(atStake)} away from what is usual.`;
  }
}

/** Everflow itself may have paid another affiliate for the order before. */
function paidBy(others: readonly string[]): string {
  const networks = others.filter((name) => name !== "Everflow");
  const another = "paid to another affiliate by Everflow before";
  if (networks.length === 0) return another;
  const both = `paid by both Everflow and ${networks.join(" and ")}`;
  return networks.length === others.length ? both : `${both}, or ${another}`;
}

/** What may lie behind each without anything being wrong: read it before anybody is asked. */
export const explanations: Record<FindingKind, string> = {
  paid_twice:
    "One order may rightly be paid twice where two partners were promised a commission each. Compare the two conversions, and which click came first.",
  spend_without_clicks: "A flat fee has no clicks. Else look whether the tracking link of these days still works.",
  clicks_without_spend:
    "Costs that are entered by hand may be missing yet. Else look whether the account's cost updates work.",
  click_times:
    "Short times are usual for coupons and one-page offers, long ones for dear products. Look at single conversions before you ask the affiliate.",
  repeat_addresses:
    "Offices and mobile networks share addresses, and good customers come back. Look at single conversions before you ask the affiliate.",
  parted_ways:
    "A new offer, a changed payout or a day of missing postbacks does this as well. Compare with the three-way list of conversions.",
};

/** How sure one has to be, in a sentence. */
export const method = `Final days only: ${lookDays.paidTwice} for orders, ${lookDays.window} for the rest, held against up to ${lookDays.window} days before. Days without clicks or spend: at least ${gapFloors.spend} of spend or ${gapFloors.clicks} clicks, under ${gapFloors.share * 100} % of what is usual. Affiliates: at least ${unlikeFloors.all} conversions and ${fewestOthers} others, ${unlikeFloors.times} times the others' median share and ${unlikeFloors.more * 100} points more, by their own spread, at a false discovery rate of 10 %, and the surer it must be the more nights it was tested. Spend and conversions: a day of at least ${partedFloors.spend} of spend, ${partedFloors.factor} times off its usual price by weekday, at a false discovery rate of 5 %.`;

/** One that a person was done with comes back only when it has grown by half, and by so much. */
export const growth = { times: 1.5, by: 20 } as const;

export const hasGrown = (before: string | null, now: string) =>
  before !== null && Number(now) >= growth.times * Number(before) && Number(now) - Number(before) >= growth.by;

/** From here on a new one is told of by an alert. */
export const alertFrom = 500;
