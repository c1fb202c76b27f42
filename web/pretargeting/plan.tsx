import { z } from "zod";
import { canGoBack } from "../../queries/pretargeting/plans.ts";
import { Badge, countText, Moment, Name, None, Origin } from "../components/format.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { factsOf, Figure, Notice, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { call, form, get, page, param } from "../shared/page.tsx";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import { isMoving, plans, stateWords, type PlanDetails } from "./answers.ts";

/** One change: what differs, what an operator accepts, how far it is, and the way back. */
export function pretargetingPlanPage(web: Web): void {
  page(web, { url: "/pretargeting/:id", who: readers }, async (at) => {
    const json = `${plans}/${param(at, "id")}`;
    const found = await get<PlanDetails>(web, at.request, json);
    const { tone, word } = stateWords[found.state];
    return {
      title: `Plan ${found.planId}: ${found.title}`,
      body: (
        <>
          <PageHead
            title={<Name of={found.title} />}
            lead={
              <>
                Plan {found.planId}. <Badge tone={tone}>{word}</Badge> <Origin of={found.origin} />{" "}
                {found.opportunityId === null ? (
                  <>
                    From <a href="/waste">waste</a>.
                  </>
                ) : (
                  <>
                    From <a href={`/opportunities/${found.opportunityId}`}>an opportunity</a>.
                  </>
                )}
              </>
            }
          >
            <a class="button" href="/pretargeting">
              All plans
            </a>
          </PageHead>
          {found.stateReason === null ? null : (
            <Notice tone={found.state === "overtaken" ? "bad" : "note"} title={word}>
              <Name of={found.stateReason} />
            </Notice>
          )}
          <div id="progress" {...(isMoving(found) ? { "data-live": "2" } : {})}>
            {found.configId === null ? null : <Progress of={found} json={json} at={at} />}
          </div>
          {at.viewer.isKeeper ? <Choice of={found} /> : null}
          <div class="difference">
            <h2>What would change</h2>
            <Table
              columns={differenceColumns}
              rows={found.difference}
              caption="What would change"
              zone={at.zone}
              json={{ url: json, path: "difference" }}
              empty={<p class="quiet">Nothing was computed.</p>}
            />
          </div>
          {at.viewer.isKeeper ? <Acts of={found} /> : null}
          {found.approval === null ? null : <Approval of={found.approval} zone={at.zone} />}
          <h2>What became of it</h2>
          <Table
            columns={eventColumns}
            rows={found.events}
            caption="What became of it, the last first"
            zone={at.zone}
            json={{ url: json, path: "events" }}
            empty={<p class="quiet">Nothing yet.</p>}
          />
          {found.writes.length === 0 ? null : (
            <div class="fits">
              <h2>What was sent to the exchange</h2>
              <Table
                columns={writeColumns}
                rows={found.writes}
                caption="What was sent to the exchange, in order"
                zone={at.zone}
                json={{ url: json, path: "writes" }}
              />
            </div>
          )}
        </>
      ),
    };
  });

  planForms(web);
}

function planForms(web: Web): void {
  const approved = z.object({
    digest: z.string().max(100),
    warningVersion: z.coerce.number().int(),
    accepted: z.literal("yes", { error: "accept the warning first" }),
  });
  form(web, { url: "/pretargeting/:id/approve", who: keepers, body: approved }, async (at, given) => {
    const id = param(at, "id");
    const { digest, warningVersion } = given;
    await call(web, at.request, {
      method: "POST",
      url: `${plans}/${id}/approve`,
      body: { digest, warningVersion, accepted: true },
    });
    return `/pretargeting/${id}`;
  });
  form(web, { url: "/pretargeting/:id/rollback", who: keepers, body: z.object({}) }, async (at) => {
    const id = param(at, "id");
    await call(web, at.request, { method: "POST", url: `${plans}/${id}/rollback`, body: {} });
    return `/pretargeting/${id}`;
  });
}

function Progress({ of, json, at }: { of: PlanDetails; json: string; at: At<unknown> }) {
  const fact = factsOf(json);
  return (
    <>
      <div class="cards">
        <Figure label="Has the change" value={`${of.stage} %`} fact={fact("stage", of.stage)}>
          of the traffic
        </Figure>
        <Figure
          label="Requests a second before"
          value={of.baselineQps === null ? <None why="measured when it begins" /> : countText(of.baselineQps)}
          fact={fact("baselineQps", of.baselineQps)}
        >
          by the bidder's own feed
        </Figure>
        <Figure
          label="Takes of all requests"
          value={of.expectedShare === null ? <None why="no report says it" /> : `${of.expectedShare} %`}
          fact={fact("expectedShare", of.expectedShare)}
        >
          in the last 7 days
        </Figure>
      </div>
      <p>
        Configuration <Name of={of.configName} />,{" "}
        {of.rollout === "gradual" ? "over 10, 50 and 100\u00a0%" : "in one step"}: <Name of={of.rolloutReason} />.{" "}
        {of.workflowId === null ? null : (
          <WorkflowLink parts={at.parts} workflowId={of.workflowId}>
            Follow it in Temporal
          </WorkflowLink>
        )}
      </p>
    </>
  );
}

/** Where several configurations are possible: the same plan again, for the one that is chosen. */
function Choice({ of }: { of: PlanDetails }) {
  const { candidates, waste, wantedRollout, opportunityId } = of;
  if (candidates.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="choice">
      <h2 id="choice">Choose a configuration</h2>
      <div class="row">
        {candidates.map(({ configId, displayName }) => (
          <form key={configId} method="post" action="/pretargeting/plan">
            {waste === null ? (
              <input type="hidden" name="opportunity" value={opportunityId ?? ""} />
            ) : (
              <>
                <input type="hidden" name="by" value={waste.by} />
                <input type="hidden" name="value" value={waste.value} />
              </>
            )}
            <input type="hidden" name="configuration" value={configId} />
            {wantedRollout === null ? null : <input type="hidden" name="rollout" value={wantedRollout} />}
            <button type="submit">
              <span>
                Plan for <Name of={displayName} /> ({configId})
              </span>
            </button>
          </form>
        ))}
      </div>
    </section>
  );
}

/** What an operator may do now: approve with the warning before their eyes, or go back. */
function Acts({ of }: { of: PlanDetails }) {
  const isOpen = of.state === "planned" || of.state === "approved";
  return (
    <>
      {isOpen && of.whyNot !== null ? (
        <Notice tone="note" title="It stops after the dry run">
          <Name of={of.whyNot} />
        </Notice>
      ) : null}
      {isOpen && of.whyNot === null ? (
        <section class="panel" aria-labelledby="approve">
          <h2 id="approve">Approve and apply</h2>
          <Notice tone="warning" title="Warning">
            {of.warning.text.map((sentence) => (
              <p key={sentence}>{sentence}</p>
            ))}
          </Notice>
          <form method="post" action={`/pretargeting/${of.planId}/approve`}>
            <input type="hidden" name="digest" value={of.digest ?? ""} />
            <input type="hidden" name="warningVersion" value={of.warning.version} />
            <label>
              <input type="checkbox" name="accepted" value="yes" required /> I have read this and accept it by name
            </label>
            <button type="submit">{of.state === "approved" ? "Send the approval again" : "Approve and apply"}</button>
          </form>
        </section>
      ) : null}
      {of.takeBackFirst === null ? null : (
        <Notice tone="note" title="Another plan comes first">
          <a href={`/pretargeting/${of.takeBackFirst}`}>Plan {of.takeBackFirst}</a> has changed the same configuration
          since: take that back first.
        </Notice>
      )}
      {canGoBack(of.state) ? (
        <form method="post" action={`/pretargeting/${of.planId}/rollback`}>
          <button type="submit">Roll back</button>
        </form>
      ) : null}
    </>
  );
}

function Approval({ of, zone }: { of: NonNullable<PlanDetails["approval"]>; zone: string }) {
  return (
    <section class="panel" aria-labelledby="accepted">
      <h2 id="accepted">Who accepted the warning</h2>
      <p>
        <Name of={of.approvedBy} /> ({of.role}), <Moment at={new Date(of.at)} zone={zone} />, version{" "}
        {of.warningVersion} of the text:
      </p>
      <details>
        <summary>The text</summary>
        <pre tabIndex={0}>{of.warning}</pre>
      </details>
    </section>
  );
}

const unset = () => "unset";
const differenceColumns: Column<PlanDetails["difference"][number]>[] = [
  { name: "part", label: "Part", kind: "text", value: (row) => row.part },
  { name: "before", label: "Before", kind: "text", value: (row) => row.before, why: unset },
  { name: "after", label: "After", kind: "text", value: (row) => row.after, why: unset },
];

const eventColumns: Column<PlanDetails["events"][number]>[] = [
  { name: "at", label: "When", kind: "moment", value: (row) => new Date(row.at) },
  { name: "words", label: "What", kind: "text", value: (row) => row.words, isLong: true },
  { name: "actor", label: "By", kind: "text", value: (row) => row.actor },
  {
    name: "qps",
    label: "Requests a second",
    kind: "ratio",
    value: (row) => row.qps,
    show: ({ qps }) => (qps === null ? null : countText(qps)),
    why: () => "not read then",
    isExtra: true,
  },
];

const writeColumns: Column<PlanDetails["writes"][number]>[] = [
  { name: "sentAt", label: "When", kind: "moment", value: (row) => new Date(row.sentAt), isExtra: true },
  {
    ...{ name: "stage", label: "For", kind: "percent", value: (row) => row.stage, isExtra: true },
    show: ({ stage }) => `${stage} %`,
  },
  { name: "which", label: "Of", kind: "text", value: (row) => row.which },
  { name: "kind", label: "What", kind: "text", value: (row) => row.kind },
  {
    name: "changes",
    label: "Parts",
    kind: "text",
    isLong: true,
    isLocal: true,
    value: ({ kind, changes }) =>
      kind === "create" || kind === "delete"
        ? null
        : changes.map(({ part, after }) => `${part}: ${after ?? "unset"}`).join("; "),
    why: () => "the whole configuration",
  },
  { name: "state", label: "Arrived", kind: "text", value: (row) => row.state },
];
