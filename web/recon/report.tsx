import { z } from "zod";
import { notes } from "../../api/server/shapes.ts";
import { Badge, Moment, moneyText, Name, None } from "../components/format.tsx";
import { Notice, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { call, form, get, page, param } from "../shared/page.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { keepers, type At, type Web } from "../shared/web.ts";
import { recon, type ReportDetails } from "./answers.ts";
import { PostLink, VerdictBadge } from "./verdicts.tsx";

const who = ["admin", "operator", "analyst", "advertiser"] as const;

/** One claim with every step and number; what a person can do about it. */
export function reportPages(web: Web): void {
  const address = "/reconciliation/reports/:id";

  page(web, { url: address, who }, async (at) => {
    const report = await get<ReportDetails>(web, at.request, `${recon}/submissions/${param(at, "id")}`);
    return { title: `Claim ${report.reportId}`, body: <ReportBody report={report} at={at} /> };
  });

  form(web, { url: `${address}/rerun`, who: keepers, body: z.object({}) }, async (at) => {
    const reportId = param(at, "id");
    await call(web, at.request, { method: "POST", url: `${recon}/reconciliation/run`, body: { reportId } });
    return `/reconciliation/reports/${reportId}`;
  });

  const settled = z.object({
    dispute: z.string().regex(/^\d{1,18}$/),
    outcome: z.enum(["affiliate", "platform"]),
    notes,
  });
  form(web, { url: `${address}/settle`, who: keepers, body: settled }, async (at, body) => {
    const { dispute, ...rest } = body;
    await call(web, at.request, { method: "PUT", url: `${recon}/disputes/${dispute}/settle`, body: rest });
    return `/reconciliation/reports/${param(at, "id")}`;
  });

  page(web, { url: `${address}/evidence`, who: keepers }, async (at) => {
    const url = `${recon}/submissions/${param(at, "id")}/evidence`;
    const { evidence, keptUntil } = await get<{ evidence: unknown; keptUntil: string }>(web, at.request, url);
    return {
      title: "Evidence",
      body: (
        <>
          <PageHead title={`Evidence of claim ${param(at, "id")}`} lead="Your view of it is in the audit log." />
          <pre tabIndex={0}>{JSON.stringify(evidence, null, 2)}</pre>
          <p>
            Kept until <Moment at={new Date(keptUntil)} zone={at.zone} />.
          </p>
        </>
      ),
    };
  });
}

function ReportBody({ report, at }: { report: ReportDetails; at: At<unknown> }) {
  const { viewer } = at;
  const isWaiting = report.state === "PENDING" || report.state === "WAITING";
  return (
    <>
      <PageHead
        title={`Claim ${report.reportId}`}
        lead={
          <>
            <Name of={report.affiliateName} />, <Name of={report.campaignName} />
          </>
        }
      >
        {viewer.isKeeper ? (
          <form method="post" action={`/reconciliation/reports/${report.reportId}/rerun`}>
            <button type="submit">Check again</button>
          </form>
        ) : null}
        {viewer.isKeeper && report.evidence !== null ? (
          <a class="button" href={`/reconciliation/reports/${report.reportId}/evidence`}>
            Evidence
          </a>
        ) : null}
      </PageHead>
      <div id="claim" {...(isWaiting ? { "data-live": "2" } : {})}>
        <Verdict report={report} zone={at.zone} />
        <Compared report={report} />
      </div>
      <DisputePanel report={report} at={at} />
      <Attempts report={report} at={at} />
      <Steps report={report} at={at} />
    </>
  );
}

const trustWords: Record<NonNullable<ReportDetails["trust"]>, string> = {
  accurate: "yes, as accurate",
  too_high: "yes, as too high",
  says_nothing: "no: the claim says nothing, being less than half of what the platform shows",
  claimed_before: "no: another affiliate claimed this post first",
  cannot_be_checked: "no: it cannot be checked",
};

export function Verdict({ report, zone }: { report: ReportDetails; zone: string }) {
  const { verdict } = report;
  return (
    <section class="panel" aria-labelledby="verdict">
      <h2 id="verdict">
        Verdict <VerdictBadge verdict={verdict?.verdict ?? null} level={verdict?.level ?? null} />
      </h2>
      <dl class="facts">
        <dt>Why</dt>
        <dd>{verdict?.reason ?? report.detail ?? "it waits for its turn"}</dd>
        <dt>Post</dt>
        <dd>
          <PostLink url={report.url} platform={report.platform} />
        </dd>
        <dt>Submitted</dt>
        <dd>
          <Moment at={new Date(report.submittedAt)} zone={zone} /> by {report.method}
        </dd>
        {verdict === null ? null : (
          <>
            <dt>Checked</dt>
            <dd>
              <Moment at={new Date(verdict.at)} zone={zone} />, attempt {report.attempt}
            </dd>
            <dt>Counts for trust</dt>
            <dd>{report.trust === null ? "no" : trustWords[report.trust]}</dd>
          </>
        )}
        {report.nextTryAt === null ? null : (
          <>
            <dt>Next try</dt>
            <dd>
              <Moment at={new Date(report.nextTryAt)} zone={zone} />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

type ComparedRow = NonNullable<ReportDetails["verdict"]>["compared"][number];

const comparedColumns: readonly Column<ComparedRow>[] = [
  { name: "metric", label: "Figure", kind: "text", value: ({ metric }) => metric },
  { name: "claimed", label: "Claimed", kind: "count", value: ({ claimed }) => claimed },
  {
    name: "verified",
    label: "Verified",
    kind: "count",
    value: ({ verified }) => verified,
    why: () => "the platform does not say",
  },
  { name: "difference", label: "Claimed beyond it", kind: "count", value: ({ difference }) => difference },
  { name: "differencePct", label: "Difference", kind: "percent", value: ({ differencePct }) => differencePct },
];

export function Compared({ report }: { report: ReportDetails }) {
  if (report.verdict === null) return null;
  return (
    <Table
      columns={comparedColumns}
      rows={report.verdict.compared}
      caption="Claimed beside verified"
      zone="UTC"
      json={{ url: `${recon}/submissions/${report.reportId}`, path: "verdict.compared" }}
    />
  );
}

function DisputePanel({ report, at }: { report: ReportDetails; at: At<unknown> }) {
  const { dispute } = report;
  if (dispute === null) return null;
  const action = `/reconciliation/reports/${report.reportId}/settle`;
  return (
    <section class="panel" aria-labelledby="dispute">
      <h2 id="dispute">
        Dispute{" "}
        <Badge tone={dispute.outcome === null ? "warning" : "quiet"}>
          {dispute.outcome === null ? "open" : `settled for the ${dispute.outcome}`}
        </Badge>
      </h2>
      <p>
        <Moment at={new Date(dispute.openedAt)} zone={at.zone} />: <Name of={dispute.reason} />
      </p>
      {dispute.notes === null ? null : <Notice tone="note">{dispute.notes}</Notice>}
      {dispute.outcome === null && at.viewer.isKeeper ? (
        <form class="stack" method="post" action={action}>
          <input type="hidden" name="dispute" value={dispute.disputeId} />
          <label>
            In whose favour
            <select name="outcome" required>
              <option value="">choose</option>
              <option value="affiliate">the affiliate: the claim counts as accurate</option>
              <option value="platform">the platform: the verdict stands</option>
            </select>
          </label>
          <label>
            Notes
            <textarea name="notes" required maxLength={2000} />
          </label>
          <div>
            <button type="submit" class="primary">
              Settle
            </button>
          </div>
        </form>
      ) : null}
    </section>
  );
}

type Attempt = ReportDetails["attempts"][number];

function Attempts({ report, at }: { report: ReportDetails; at: At<unknown> }) {
  const answered =
    (metric: "views" | "clicks" | "conversions") =>
    ({ platformReport }: Attempt) =>
      platformReport?.[metric] ?? null;
  const columns: Column<Attempt>[] = [
    { name: "attempt", label: "Attempt", kind: "count", value: ({ attempt }) => attempt },
    {
      name: "verdict",
      label: "Verdict",
      kind: "text",
      value: ({ verdict }) => verdict,
      show: ({ verdict, level }) => <VerdictBadge verdict={verdict} level={level} />,
    },
    { name: "reason", label: "Why", kind: "text", value: ({ reason }) => reason, isLong: true, isExtra: true },
    { name: "platformReport.views", label: "Views", kind: "count", value: answered("views") },
    { name: "platformReport.clicks", label: "Clicks", kind: "count", value: answered("clicks") },
    { name: "platformReport.conversions", label: "Conversions", kind: "count", value: answered("conversions") },
    {
      name: "platformReport.spend",
      label: "Spend",
      kind: "money",
      value: ({ platformReport }) => platformReport?.spend ?? null,
      show: ({ platformReport }) =>
        platformReport?.spend == null ? (
          <None why="the platform does not say" />
        ) : (
          moneyText(platformReport.spend, platformReport.currency ?? "")
        ),
    },
    { name: "at", label: "When", kind: "moment", value: (row) => new Date(row.at) },
    {
      name: "workflowId",
      label: "Workflow",
      kind: "text",
      value: ({ workflowId }) => workflowId,
      show: ({ workflowId }) => <WorkflowLink parts={at.parts} workflowId={workflowId} />,
      isExtra: true,
    },
  ];
  if (report.attempts.length === 0) return null;
  const isSettled = report.dispute !== null && report.dispute.outcome !== null;
  return (
    <section aria-labelledby="attempts">
      <h2 id="attempts">{isSettled ? "Attempts; what a person settled holds" : "Attempts; the last counts"}</h2>
      <Table
        columns={columns}
        rows={report.attempts}
        caption="Attempts"
        zone={at.zone}
        json={{ url: `${recon}/submissions/${report.reportId}`, path: "attempts" }}
      />
    </section>
  );
}

function Steps({ report, at }: { report: ReportDetails; at: At<unknown> }) {
  return (
    <section class="panel" aria-labelledby="steps">
      <h2 id="steps">What happened, in order</h2>
      <ol>
        {report.steps.map(({ at: when, step, detail, attempt }, index) => (
          <li key={index}>
            <Moment at={new Date(when)} zone={at.zone} seconds /> {step.replaceAll("_", " ")}
            {detail === "" ? (
              ""
            ) : (
              <>
                : <Name of={detail} />
              </>
            )}{" "}
            <span class="quiet">(attempt {attempt})</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
