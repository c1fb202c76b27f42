import type { RaisedAlert } from "../ops/alerts.ts";
import { jump, type Claimant, type ClaimSigns, type Overlap } from "./claims.ts";
import type { Claimed, Level } from "./compare.ts";
import { discrepancyAlerts as kinds } from "./trust.ts";

/** Who and what an alert is about. */
export interface AboutReport {
  client: string;
  reportId: string;
  affiliateId: string;
  affiliateName: string;
  platform: string;
  postId: string;
  url: string;
  platformPostId: string | null;
}

const area = "recon";

/** `Northwind Media (4)`: the name for people, the id for whoever has to look it up. */
const named = ({ id, name }: Claimant) => `${name} (${id})`;
const nameOf = ({ affiliateId, affiliateName }: AboutReport) => named({ id: affiliateId, name: affiliateName });

/** What a claim shows by itself. */
export function alertsOfClaim(
  about: AboutReport,
  claim: { claimed: Claimed; before: Claimed | null; signs: ClaimSigns; otherAffiliates: readonly Claimant[] },
): RaisedAlert[] {
  const { client, reportId, affiliateId, platform, postId } = about;
  const { claimed, before, signs, otherAffiliates } = claim;
  const alerts: RaisedAlert[] = [];
  if (signs.impossible)
    alerts.push({
      client,
      area,
      kind: "impossible_claim",
      subject: `report/${reportId}`,
      severity: "warning",
      message: `report ${reportId} of ${nameOf(about)} claims ${claimed.clicks} clicks of ${claimed.views} views`,
      details: { affiliateId, postId, views: String(claimed.views), clicks: String(claimed.clicks) },
    });
  if (signs.jump !== null)
    alerts.push({
      client,
      area,
      kind: "claim_jump",
      subject: `post/${postId}`,
      severity: "warning",
      message: `${nameOf(about)} claims ${claimed[signs.jump]} ${signs.jump} of post ${postId}, after ${before?.[signs.jump]} less than ${jump.withinHours} hours before`,
      details: { affiliateId, reportId, metric: signs.jump },
    });
  if (otherAffiliates.length > 0) {
    const all = [{ id: affiliateId, name: about.affiliateName }, ...otherAffiliates].sort((one, other) =>
      Number(BigInt(one.id) - BigInt(other.id)),
    );
    alerts.push({
      client,
      area,
      kind: "shared_url",
      subject: `${platform}/${about.platformPostId ?? about.url}`,
      severity: "warning",
      message: `${all.length} affiliates, ${all.map(named).join(", ")}, claim the same ${platform} post, ${about.url}`,
      details: { affiliates: all.map(({ id }) => id), reportId },
    });
  }
  return alerts;
}

/** Not by report: whoever claims a further part of it adds to the same alert. */
export function alertOfOverlap(
  { client, platform }: Pick<AboutReport, "client" | "platform">,
  { whole, claimedBy, parts }: Overlap,
): RaisedAlert {
  const all = parts.map((part) => `${part.id} of ${part.claimedBy.map(named).join(", ")}`);
  return {
    client,
    area,
    kind: "overlapping_posts",
    subject: `${platform}/${whole}`,
    severity: "warning",
    message: `${platform} ${whole}, claimed by ${claimedBy.map(named).join(", ")}, contains ${all.join("; ")}: what is counted of a part is claimed twice`,
    details: { whole, parts: parts.map(({ id }) => id), affiliates: affiliatesOf([{ claimedBy }, ...parts]) },
  };
}

const affiliatesOf = (claimed: readonly { claimedBy: readonly Claimant[] }[]) => [
  ...new Set(claimed.flatMap(({ claimedBy }) => claimedBy.map(({ id }) => id))),
];

/** What a verdict calls for, and which alerts about the report it makes untrue. */
export function alertsOfVerdict(
  about: AboutReport,
  verdict: { level: Level | null; reason: string; attempt: number },
): { raise: RaisedAlert[]; settle: string[] } {
  const { client, reportId, affiliateId, platform } = about;
  const { level, reason, attempt } = verdict;
  if (level !== "MEDIUM" && level !== "HIGH") return { raise: [], settle: ["report_stopped", ...Object.values(kinds)] };
  return {
    raise: [
      {
        client,
        area,
        kind: kinds[level],
        subject: `report/${reportId}`,
        severity: level === "HIGH" ? "critical" : "warning",
        message: `report ${reportId} of ${nameOf(about)} on ${platform} claims too much: ${reason}`,
        details: { affiliateId, postId: about.postId, attempt, level },
      },
    ],
    settle: ["report_stopped", ...Object.values(kinds)].filter((kind) => kind !== kinds[level]),
  };
}
