import { costDaysAddress } from "../cost/days.tsx";
import type { FindingKind } from "../../rules/findings/kinds.ts";

export const kindWords: Record<FindingKind, string> = {
  paid_twice: "Paid twice",
  spend_without_clicks: "Spend without clicks",
  clicks_without_spend: "Clicks without spend",
  click_times: "Unlike click times",
  repeat_addresses: "Repeated addresses",
  parted_ways: "Spend and conversions part",
};

/** What the counts of a kind's rows count; null where there are none. */
export const countWords: Record<FindingKind, string | null> = {
  paid_twice: null,
  spend_without_clicks: "Clicks",
  clicks_without_spend: "Clicks",
  click_times: "Seconds from the click",
  repeat_addresses: "Its place among those of the address",
  parted_ways: "Conversions",
};

/** What is usual for a row of a kind; null where nothing is said. */
export const usualWords: Record<FindingKind, string | null> = {
  paid_twice: null,
  spend_without_clicks: "Usual clicks",
  clicks_without_spend: "Usual spend",
  click_times: null,
  repeat_addresses: null,
  parted_ways: "Usual spend",
};

export const percentOf = (share: number) => `${Math.round(share * 1000) / 10} %`;

/** Nothing is quite impossible. */
export const chanceText = (p: number) => (p < 0.001 ? "under 0.1 %" : percentOf(p));

/** The page that has the figures of what it is about. */
export function subjectAddress(
  { subject, subjectName }: { subject: string; subjectName: string },
  period: { from: string; to: string },
): string | null {
  const [what, id = ""] = subject.split("/");
  if (what === "campaign") return `/campaigns/${encodeURIComponent(id)}`;
  if (what === "affiliate") return costDaysAddress({ affiliateId: id, affiliate: subjectName }, period);
  return null;
}
