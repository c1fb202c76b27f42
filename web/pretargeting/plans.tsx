import { z } from "zod";
import { planOrders, planStates } from "../../queries/pretargeting/plans.ts";
import { originColumn } from "../components/columns.ts";
import { Filters, type Filter } from "../components/filters.tsx";
import { Badge, Name, Origin } from "../components/format.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Counts, Empty, ExportLink, Notice, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals } from "../shared/json.ts";
import { call, form, page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, type Web } from "../shared/web.ts";
import { plans, stateWords, type Plan, type PlanTotals } from "./answers.ts";

const inOrder = sortedQuery(planOrders);
const filters = { state: z.enum([...planStates, ""]).optional() };
const query = { ...filters, ...inOrder };

/** Changes of pretargeting, the last first. */
export function pretargetingPages(web: Web): void {
  page(web, { url: "/pretargeting", who: readers, query }, async (at) => {
    const asked = { state: at.query.state || undefined };
    const [list, { totals, json }] = await Promise.all([
      callList<Plan>(web, at, { path: plans, query: { ...asked, sort: at.query.sort, cursor: at.query.cursor } }),
      callTotals<PlanTotals>(web, at, { path: plans, query: asked }),
    ]);
    return {
      title: "Pretargeting",
      body: (
        <>
          <PageHead
            title="Pretargeting"
            lead="Changes of what the exchange sends: computed from waste or an opportunity, made only after an operator's approval."
          >
            <a class="button" href="/waste">
              Waste
            </a>
            <a class="button" href="/opportunities">
              Opportunities
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          {at.parts.config.pretargeting.isApplied ? null : (
            <Notice tone="note">
              Every plan is a dry run: <code>PRETARGETING_APPLY</code> is off.
            </Notice>
          )}
          <Counts
            json={json}
            isMore={totals.isMore}
            of={[
              ["plans", "Plans", totals.plans],
              ["underWay", "Under way", totals.underWay],
              ["applied", "Applied", totals.applied],
            ]}
          />
          <Filters url={at.url} filters={shownFilters} />
          <div class="fits">
            <ListTable
              at={at}
              list={list}
              orders={planOrders}
              columns={columns}
              caption="Plans"
              empty={
                <Empty title="No plan yet">
                  “Plan” beside an advice of <a href="/waste">Waste</a>, or “Pretargeting plan” of an{" "}
                  <a href="/opportunities">opportunity</a>, computes one.
                </Empty>
              }
            />
          </div>
        </>
      ),
    };
  });

  exportList(web, { url: "/pretargeting.csv", who: readers, query: { ...filters, sort: inOrder.sort } }, (at) => ({
    name: "pretargeting.csv",
    path: plans,
    query: { state: at.query.state || undefined, sort: at.query.sort },
    columns: [...columns, originColumn],
  }));

  planForm(web);
}

/** Asks for a plan, and leads to it. */
function planForm(web: Web): void {
  const body = z.object({
    by: z.string().max(20).optional(),
    value: z.string().max(200).optional(),
    opportunity: z.coerce.number().int().optional(),
    configuration: z.string().max(200).optional(),
    rollout: z.string().max(20).optional(),
  });
  form(web, { url: "/pretargeting/plan", who: keepers, body }, async ({ request }, given) => {
    const { by, value, opportunity, configuration: configId, rollout } = given;
    const asked = await call<{ planId: number }>(web, request, {
      method: "POST",
      url: plans,
      body: {
        ...(opportunity === undefined ? { waste: { by, value } } : { opportunityId: opportunity }),
        configId,
        rollout,
      },
    });
    return `/pretargeting/${asked.body.planId}`;
  });
}

const shownFilters: Filter[] = [
  {
    name: "state",
    label: "State",
    kind: "choice",
    choices: [["", "all"], ...planStates.map((state) => [state, stateWords[state].word] as const)],
  },
];

const longestReason = 90;

/** As much of a reason as a list has room for; its page has it whole. */
const shortly = (reason: string) =>
  reason.length <= longestReason ? reason : `${reason.slice(0, longestReason).trimEnd()}…`;

const columns: Column<Plan>[] = [
  {
    name: "planId",
    label: "Plan",
    kind: "text",
    value: (row) => row.planId,
    show: ({ planId, origin }) => (
      <>
        <a href={`/pretargeting/${planId}`}>{planId}</a> <Origin of={origin} />
      </>
    ),
  },
  {
    name: "title",
    label: "What",
    kind: "text",
    value: (row) => row.title,
    show: ({ title, state, stateReason }) => (
      <>
        <Name of={title} />
        {state !== "refused" || stateReason === null ? null : (
          <div class="quiet">
            <Name of={shortly(stateReason)} />
          </div>
        )}
      </>
    ),
    isLong: true,
  },
  {
    name: "state",
    label: "State",
    kind: "text",
    value: (row) => row.state,
    show: ({ state }) => <Badge tone={stateWords[state].tone}>{stateWords[state].word}</Badge>,
  },
  {
    name: "stage",
    label: "Has the change",
    kind: "percent",
    value: (row) => row.stage,
    show: ({ stage }) => `${stage} %`,
    isExtra: true,
  },
  {
    name: "configName",
    label: "Configuration",
    kind: "text",
    value: (row) => row.configName,
    why: () => "none was found",
    isExtra: true,
  },
  { name: "createdBy", label: "Asked for by", kind: "text", value: (row) => row.createdBy, isExtra: true },
  {
    name: "stateReason",
    label: "Why",
    kind: "text",
    value: (row) => row.stateReason,
    isFileOnly: true,
  },
  { name: "stateAt", label: "Since", kind: "moment", value: (row) => new Date(row.stateAt), isExtra: true },
];
