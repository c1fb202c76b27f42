import { expect, test } from "@jest/globals";
import { outsideCampaign } from "./campaign-dates.ts";

const dates = { startsOn: "2026-03-01", endsOn: "2026-03-31" };
const open = { startsOn: null, endsOn: null };

test.each([
  ["before it begins", dates, "2026-02-27T12:00:00Z", null, "campaignId"],
  ["on its first day in Kiribati", dates, "2026-02-28T10:00:00Z", null, undefined],
  ["while it runs", dates, "2026-03-15T12:00:00Z", null, undefined],
  ["30 days after its end", dates, "2026-04-30T12:00:00Z", null, undefined],
  ["32 days after its end", dates, "2026-05-02T12:00:00Z", null, "campaignId"],
  ["years after its end", { ...dates, startsOn: null }, "2029-01-01T00:00:00Z", null, "campaignId"],
  ["of a post from before it", dates, "2026-03-15T12:00:00Z", "2026-02-27T00:00:00Z", "postedAt"],
  ["of a post from after it", dates, "2026-04-10T12:00:00Z", "2026-04-02T00:00:00Z", "postedAt"],
  ["of a post of its last day, after it", dates, "2026-04-10T12:00:00Z", "2026-04-01T03:00:00Z", undefined],
  ["without limits", open, "2026-04-10T12:00:00Z", "2020-01-01T00:00:00Z", undefined],
] as const)("a claim %s: %#", (_when, campaign, now, postedAt, field) => {
  const moments = { now: new Date(now), postedAt: postedAt === null ? null : new Date(postedAt) };
  const refused = outsideCampaign(campaign, moments);
  expect(refused?.field).toBe(field);
  if (refused !== null) expect(refused.message).toContain("2026-03-31");
});
