import type { Column } from "../components/table.tsx";
import { Badge, countText, None, Origin, type Tone } from "../components/format.tsx";
import { safeLink } from "../shared/web.ts";
import type { Report } from "./answers.ts";

/** A verdict in words that everybody knows. */
const names: Record<string, [string, Tone]> = {
  MATCHED: ["matched", "good"],
  DISCREPANCY: ["too high", "warning"],
  UNVERIFIABLE: ["cannot be checked", "quiet"],
  POST_DELETED: ["post deleted", "quiet"],
  POST_UNKNOWN: ["no such post", "bad"],
};
const levels: Record<string, [string, Tone]> = {
  LOW: ["slightly too high", "note"],
  MEDIUM: ["too high", "warning"],
  HIGH: ["far too high", "bad"],
};

export function VerdictBadge({ verdict, level }: { verdict: string | null; level: string | null }) {
  if (verdict === null) return <Badge tone="quiet">waiting</Badge>;
  const [text, tone] = (level === null ? undefined : levels[level]) ?? names[verdict] ?? [verdict, "quiet"];
  return <Badge tone={tone}>{text}</Badge>;
}

/** Trust as a share of a hundred, with what it rests on. */
export function Trust({ trust, counted }: { trust: number; counted: number }) {
  if (counted === 0) return <None why="no claim could be checked yet" />;
  const percent = Math.round(trust * 100);
  const tone: Tone = trust >= 0.8 ? "good" : trust >= 0.5 ? "warning" : "bad";
  return (
    <>
      <Badge tone={tone}>{percent} %</Badge> <span class="quiet">of {countText(counted)}</span>
    </>
  );
}

export function PostLink({ url, platform }: { url: string; platform: string }) {
  const href = safeLink(url);
  return href === null ? (
    <span>{url}</span>
  ) : (
    <a href={href} rel="noopener noreferrer nofollow" target="_blank">
      {platform} post
    </a>
  );
}

const claimedOf =
  (metric: "views" | "clicks" | "conversions") =>
  ({ claimed }: Report) =>
    claimed[metric];

/** Reports in a list; for an affiliate without whose they are. */
export function reportColumns({ isOwn }: { isOwn: boolean }): Column<Report>[] {
  const href = (report: Report) =>
    isOwn ? `/claims/${report.reportId}` : `/reconciliation/reports/${report.reportId}`;
  const whose: Column<Report> = {
    name: "affiliateName",
    label: "Affiliate",
    kind: "text",
    value: (row) => row.affiliateName,
    show: (row) => (
      <>
        <a href={`/reconciliation/affiliates/${row.affiliateId}`}>{row.affiliateName}</a> <Origin of={row.origin} />
      </>
    ),
  };
  return [
    {
      name: "reportId",
      label: "Claim",
      kind: "text",
      value: (row) => row.reportId,
      show: (row) => <a href={href(row)}>{row.reportId}</a>,
    },
    {
      name: "verdict.level",
      label: "Verdict",
      kind: "text",
      value: (row) => row.verdict?.level ?? null,
      show: (row) => (
        <>
          <VerdictBadge verdict={row.verdict?.verdict ?? null} level={row.verdict?.level ?? null} />{" "}
          {row.trust === "says_nothing" ? <Badge tone="quiet">says nothing</Badge> : null}{" "}
          {row.trust === "claimed_before" ? <Badge tone="quiet">claimed before by another</Badge> : null}{" "}
          {row.dispute === null ? null : (
            <Badge tone="note">
              {row.dispute.outcome === null ? "disputed" : `settled for the ${row.dispute.outcome}`}
            </Badge>
          )}
        </>
      ),
    },
    ...(isOwn ? [] : [whose]),
    { name: "campaignName", label: "Campaign", kind: "text", value: (row) => row.campaignName, isExtra: true },
    {
      name: "url",
      label: "Post",
      kind: "text",
      value: (row) => row.url,
      show: (row) => <PostLink url={row.url} platform={row.platform} />,
    },
    { name: "claimed.views", label: "Views claimed", kind: "count", value: claimedOf("views") },
    verified("views", "Views verified"),
    { name: "claimed.clicks", label: "Clicks claimed", kind: "count", value: claimedOf("clicks"), isExtra: true },
    { ...verified("clicks", "Clicks verified"), isExtra: true },
    {
      name: "submittedAt",
      label: "Submitted",
      kind: "moment",
      value: (row) => new Date(row.submittedAt),
    },
  ];
}

function verified(metric: "views" | "clicks", label: string): Column<Report> {
  const index = metric === "views" ? 0 : 1;
  return {
    name: `verdict.compared.${index}.verified`,
    label,
    kind: "count",
    value: (row) => row.verdict?.compared[index]?.verified ?? null,
    why: (row) => (row.verdict === null ? "not checked yet" : "the platform does not say"),
  };
}
