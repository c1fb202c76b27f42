import { z } from "zod";
import { reportOrders } from "../../queries/recon/reports.ts";
import { Badge, Moment, Name } from "../components/format.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Empty, ExportLink, factsOf, Figure, PageHead } from "../components/parts.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals } from "../shared/json.ts";
import { call, form, get, page, param } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import type { At, Web } from "../shared/web.ts";
import { recon, type ClaimTotals, type TrackRecord, type Report, type ReportDetails } from "./answers.ts";
import { ClaimCounts } from "./page.tsx";
import { TrustOverTime } from "./affiliates.tsx";
import { Compared, Verdict } from "./report.tsx";
import { reportColumns, Trust } from "./verdicts.tsx";

/** What an affiliate sees: their own claims with verdicts and reasons, a form for a new one, and one dispute per verdict. */
const own = { who: [], affiliates: true } as const;
const query = sortedQuery(reportOrders);
const submissions = `${recon}/submissions`;
const trendDays = 90;

export function claimPages(web: Web): void {
  listPage(web);
  claimPage(web);
  submitForm(web);
}

function listPage(web: Web): void {
  page(web, { url: "/claims", ...own, query }, async (at) => {
    const id = at.viewer.affiliateId ?? "";
    const json = `${recon}/affiliates/${id}/performance?days=${trendDays}`;
    const asked = { path: submissions, query: { ...at.query, limit: 50 } };
    const [found, list, counted] = await Promise.all([
      get<TrackRecord>(web, at.request, json),
      callList<Report>(web, at, asked),
      callTotals<ClaimTotals>(web, at, asked),
    ]);
    return {
      title: "Your claims",
      body: (
        <>
          <PageHead title="Your claims" lead={found.name}>
            <ExportLink url={at.url} />
          </PageHead>
          <div class="cards">
            <Figure label="Trust" value={<Trust {...found} />} fact={factsOf(json)("trust", found.trust)}>
              share of your posts whose claims were right
            </Figure>
          </div>
          <TrustOverTime found={found} json={json} />
          <Submit />
          <ClaimCounts {...counted} />
          <ListTable
            at={at}
            list={list}
            orders={reportOrders}
            columns={reportColumns({ isOwn: true })}
            caption="Your claims"
            empty={<Empty title="No claim yet">Send the first with the form above.</Empty>}
          />
        </>
      ),
    };
  });

  exportList(web, { url: "/claims.csv", ...own, query }, (at) => ({
    name: "claims.csv",
    path: submissions,
    query: at.query,
    columns: reportColumns({ isOwn: true }),
  }));
}

function claimPage(web: Web): void {
  page(web, { url: "/claims/:id", ...own }, async (at) => {
    const report = await get<ReportDetails>(web, at.request, `${recon}/submissions/${param(at, "id")}`);
    const isWaiting = report.state === "PENDING" || report.state === "WAITING";
    return {
      title: `Claim ${report.reportId}`,
      body: (
        <>
          <PageHead title={`Claim ${report.reportId}`} lead={report.campaignName} />
          <div id="claim" {...(isWaiting ? { "data-live": "2" } : {})}>
            <Verdict report={report} zone={at.zone} />
            <Compared report={report} />
          </div>
          <Dispute report={report} at={at} />
        </>
      ),
    };
  });

  const reason = z.object({ reason: z.string().trim().min(1, "say why in a few words").max(2_000) });
  form(web, { url: "/claims/:id/dispute", ...own, body: reason }, async (at, body) => {
    const id = param(at, "id");
    await call(web, at.request, { method: "POST", url: `${recon}/submissions/${id}/dispute`, body });
    return `/claims/${id}`;
  });
}

function Dispute({ report, at }: { report: ReportDetails; at: At<unknown> }) {
  const { dispute, verdict } = report;
  if (dispute !== null)
    return (
      <section class="panel" aria-labelledby="dispute">
        <h2 id="dispute">
          Your dispute{" "}
          <Badge tone="note">{dispute.outcome === null ? "open" : `settled for the ${dispute.outcome}`}</Badge>
        </h2>
        <p>
          <Moment at={new Date(dispute.openedAt)} zone={at.zone} />: <Name of={dispute.reason} />
        </p>
        {dispute.notes === null ? null : <p>{dispute.notes}</p>}
      </section>
    );
  if (verdict === null || verdict.verdict === "MATCHED") return null;
  return (
    <section class="panel" aria-labelledby="dispute">
      <h2 id="dispute">Dispute this verdict</h2>
      <form class="stack" method="post" action={`/claims/${report.reportId}/dispute`}>
        <label>
          Why it is wrong
          <textarea name="reason" required maxLength={2000} />
        </label>
        <div>
          <button type="submit">Dispute, once</button>
        </div>
      </form>
    </section>
  );
}

function Submit() {
  return (
    <details class="panel">
      <summary>Submit a claim</summary>
      <form class="stack" method="post" action="/claims/new">
        <label>
          Campaign number
          <input name="campaignId" inputMode="numeric" pattern="[1-9][0-9]*" required />
        </label>
        <label>
          Address of the post
          <input name="url" type="url" required maxLength={2000} />
        </label>
        {["views", "clicks", "conversions"].map((metric) => (
          <label key={metric}>
            {`${metric.charAt(0).toUpperCase()}${metric.slice(1)}`}
            <input name={metric} inputMode="numeric" pattern="[0-9]*" value="0" />
          </label>
        ))}
        <div>
          <button type="submit" class="primary">
            Submit
          </button>
        </div>
      </form>
    </details>
  );
}

function submitForm(web: Web): void {
  const whole = z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .optional();
  const claim = z.object({
    campaignId: z.string().regex(/^[1-9]\d{0,17}$/, "must be the campaign's number"),
    url: z.string().min(1).max(2_000),
    views: whole,
    clicks: whole,
    conversions: whole,
  });
  form(web, { url: "/claims/new", ...own, body: claim }, async (at, { campaignId, url, ...counts }) => {
    const claimed = Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== undefined));
    const body = { campaignId, url, claimed };
    const answer = await call<{ reportId: string }>(web, at.request, {
      method: "POST",
      url: `${recon}/affiliates/submissions`,
      body,
    });
    return `/claims/${answer.body.reportId}`;
  });
}
