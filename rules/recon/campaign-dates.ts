/** The civil days a campaign runs, both included; null for no limit. */
export interface CampaignDates {
  startsOn: string | null;
  endsOn: string | null;
}

/** Numbers are counted until the last day, and reported after it. */
export const claimsAfterEndDays = 30;

const hourMs = 3_600_000;
/** A campaign's days are those of wherever it runs: a moment is within them if it is anywhere on earth. */
const latestDay = (moment: Date) => dayOf(moment.getTime() + 14 * hourMs);
const earliestDay = (moment: Date) => dayOf(moment.getTime() - 12 * hourMs);
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** Why a campaign takes no claim at this moment, or none of a post of that one; null when it does. */
export function outsideCampaign(
  { startsOn, endsOn }: CampaignDates,
  { now, postedAt }: { now: Date; postedAt: Date | null },
): { field: "campaignId" | "postedAt"; message: string } | null {
  const runs = `the campaign runs from ${startsOn ?? "any day"} to ${endsOn ?? "any day"}`;
  if (startsOn !== null && latestDay(now) < startsOn)
    return { field: "campaignId", message: `takes no claims yet: ${runs}` };
  if (endsOn !== null && earliestDay(new Date(now.getTime() - claimsAfterEndDays * 24 * hourMs)) > endsOn)
    return { field: "campaignId", message: `takes no claims ${claimsAfterEndDays} days after its end: ${runs}` };
  if (postedAt === null) return null;
  const isOutside =
    (startsOn !== null && latestDay(postedAt) < startsOn) || (endsOn !== null && earliestDay(postedAt) > endsOn);
  return isOutside ? { field: "postedAt", message: `is outside the campaign: ${runs}` } : null;
}
