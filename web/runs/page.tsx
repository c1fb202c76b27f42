import { randomUUID } from "node:crypto";
import { Fragment, type ComponentChildren } from "preact";
import { z } from "zod";
import { word } from "../../api/server/lists.ts";
import type { RunChange } from "../../queries/sync/run-changes.ts";
import { runOrders, type countRuns, type RunFailureRow } from "../../queries/sync/list-runs.ts";
import type { RunRow } from "../../queries/sync/runs.ts";
import { Badge, countText, Moment, Name, type Tone } from "../components/format.tsx";
import { Filters } from "../components/filters.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Count, Counts, Empty, ExportLink, Fact, factsOf, Figure, Notice, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { dayAddress } from "../freshness/page.tsx";
import { plainAmount, receiptLink, runLink, signed } from "../receipts/columns.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals, type Json } from "../shared/json.ts";
import { call, form, page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, type At, type Web } from "../shared/web.ts";

type Run = Json<Omit<RunRow, "client">>;
type FoundRun = Run & { failures: Json<RunFailureRow>[] };
interface Progress {
  planned: number;
  done: number;
  failed: number;
  paused: boolean | null;
}
interface Changes {
  isDryRun: boolean;
  items: Json<RunChange>[];
  totals: { before: string; after: string; change: string };
  unchangedDays: number;
}

const outcomes = ["running", "completed", "failed", "cancelled", "recovered"] as const;
const tones: Record<string, Tone> = { running: "note", completed: "good", failed: "bad", recovered: "good" };
const kinds: Record<string, string> = { sync: "sync", backfill: "backfill", dry_run: "dry run" };
const query = {
  source: word.optional(),
  outcome: z.enum(outcomes).optional(),
  ...sortedQuery(runOrders),
  waiting: z.literal("yes").optional(),
};

/** What was started, how far it is, and what it came to. */
export function runPages(web: Web): void {
  runList(web);
  runExport(web);
  page(web, { url: "/runs/:id", who: readers }, (at) => showRun(web, at));
  const body = z.object({ act: z.enum(["pause", "resume", "cancel"]) });
  form(web, { url: "/runs/:id/steer", who: keepers, body }, async (at, { act }) => {
    const { id } = at.request.params as { id: string };
    await call(web, at.request, { method: "POST", url: `${addressOf(id)}/${act}` });
    return `/runs/${encodeURIComponent(id)}`;
  });
}

const addressOf = (runId: string) => `/api/v1/ops/runs/${encodeURIComponent(runId)}`;
const OutcomeBadge = ({ outcome }: { outcome: string }) => <Badge tone={tones[outcome] ?? "quiet"}>{outcome}</Badge>;

const runColumns: readonly Column<Run>[] = [
  { name: "startedAt", label: "Started", kind: "moment", value: ({ startedAt }) => new Date(startedAt) },
  { name: "runId", label: "Run", kind: "text", value: ({ runId }) => runId, show: ({ runId }) => runLink(runId) },
  {
    name: "kind",
    label: "Kind",
    kind: "text",
    value: ({ kind }) => kind,
    isExtra: true,
    show: ({ kind }) => kinds[kind] ?? kind,
  },
  { name: "source", label: "Source", kind: "text", value: ({ source }) => source },
  {
    name: "outcome",
    label: "Outcome",
    kind: "text",
    value: ({ outcome }) => outcome,
    show: ({ outcome }) => <OutcomeBadge outcome={outcome} />,
  },
  { name: "from", label: "First day", kind: "day", value: ({ from }) => from, isExtra: true },
  { name: "to", label: "Last day", kind: "day", value: ({ to }) => to, isExtra: true },
  { name: "done", label: "Days done", kind: "count", value: ({ done }) => done },
  { name: "failed", label: "Failed", kind: "count", value: ({ failed }) => failed },
  { name: "inserted", label: "Rows new", kind: "count", value: ({ inserted }) => inserted, isExtra: true },
  { name: "updated", label: "Changed", kind: "count", value: ({ updated }) => updated, isExtra: true },
];

const fileColumns: readonly Column<Run>[] = [
  {
    name: "finishedAt",
    label: "Ended",
    kind: "moment",
    value: ({ finishedAt }) => (finishedAt === null ? null : new Date(finishedAt)),
  },
  { name: "reason", label: "Why", kind: "text", value: ({ reason }) => reason },
];

function runList(web: Web): void {
  page(web, { url: "/runs", who: readers, query }, async (at) => {
    const { waiting, ...filters } = at.query;
    const asked = { path: "/api/v1/ops/runs", query: filters };
    const [list, { totals, json }] = await Promise.all([
      callList<Run>(web, at, asked),
      callTotals<Awaited<ReturnType<typeof countRuns>>>(web, at, asked),
    ]);
    return {
      title: "Runs",
      body: (
        <>
          <PageHead title="Runs" lead="Syncs by the schedule and by hand, and backfills.">
            <ExportLink url={at.url} />
          </PageHead>
          {waiting === undefined ? null : (
            <Notice tone="warning" title="It waits for a worker">
              The run was started, and begins when a worker is there. It is not lost.
            </Notice>
          )}
          <Filters
            url={at.url}
            filters={[
              {
                name: "source",
                label: "Source",
                kind: "text",
                suggestions: [...new Set(list.items.map((run) => run.source))],
              },
              {
                name: "outcome",
                label: "Outcome",
                kind: "choice",
                choices: [["", "all"], ...outcomes.map((one) => [one, one] as const)],
              },
            ]}
          />
          <Counts
            json={json}
            isMore={totals.isMore}
            of={[
              ["runs", "Runs", totals.runs],
              ["running", "Running", totals.running],
              ["failed", "Failed", totals.failed],
              ["daysDone", "Days done", totals.daysDone],
              ["daysFailed", "Days failed", totals.daysFailed],
              ["inserted", "Rows new", totals.inserted],
              ["updated", "Rows changed", totals.updated],
            ]}
          />
          <div id="runs" {...(list.items.some(({ outcome }) => outcome === "running") ? { "data-live": "5" } : {})}>
            <ListTable
              at={at}
              list={list}
              orders={runOrders}
              columns={runColumns}
              caption="Runs"
              empty={
                <Empty title="No run">
                  <a href="/freshness">Sync a source or backfill days</a> to see one here.
                </Empty>
              }
            />
          </div>
        </>
      ),
    };
  });
}

function runExport(web: Web): void {
  exportList(web, { url: "/runs.csv", who: readers, query }, ({ query: { waiting: _waiting, ...filters } }) => ({
    name: "runs.csv",
    path: "/api/v1/ops/runs",
    query: filters,
    columns: [...runColumns, ...fileColumns],
  }));
}

async function showRun(web: Web, at: At<object>) {
  const { id } = at.request.params as { id: string };
  const get = async <Body,>(path: string) =>
    (await call<Body>(web, at.request, { method: "GET", url: addressOf(id) + path })).body;
  const run = await get<FoundRun>("");
  const isRunning = run.outcome === "running";
  const [progress, changes] = await Promise.all([
    get<Progress>("/progress"),
    // A dry run has nothing to show before its end.
    isRunning && run.kind === "dry_run" ? null : get<Changes>("/changes"),
  ]);
  const kind = kinds[run.kind] ?? run.kind;
  const days = run.from === null ? "" : run.from === run.to ? `, ${run.from}` : `, ${run.from} to ${run.to ?? ""}`;
  return {
    title: `${kind} of ${run.source}`,
    body: (
      <>
        <PageHead
          title={`${kind.charAt(0).toUpperCase()}${kind.slice(1)} of ${run.source}`}
          lead={`Client ${at.viewer.client}${days}`}
        >
          <WorkflowButton at={at} run={run} />
        </PageHead>
        <div id="run" class="stacked" {...(isRunning ? { "data-live": "2", "data-then": "reload" } : {})}>
          <State run={run} progress={progress} zone={at.zone} />
          {changes === null ? null : <ChangesTable run={run} changes={changes} zone={at.zone} />}
        </div>
        {at.viewer.isKeeper ? <Levers run={run} progress={progress} changes={changes} /> : null}
      </>
    ),
  };
}

const WorkflowButton = ({ at, run }: { at: At<object>; run: Run }) => (
  <WorkflowLink parts={at.parts} workflowId={run.workflowId} runId={run.runId}>
    Open in the Temporal UI
  </WorkflowLink>
);

function State({ run, progress, zone }: { run: FoundRun; progress: Progress; zone: string }) {
  const { planned, done, failed, paused } = progress;
  const fact = factsOf(`${addressOf(run.runId)}/progress`);
  const facts: [string, ComponentChildren][] = [
    ["State", <OutcomeBadge key="outcome" outcome={paused === true ? "paused" : run.outcome} />],
    [
      "Days",
      <Fragment key="days">
        <Fact of={fact("done", done)}>{countText(done)}</Fact> of{" "}
        <Fact of={fact("planned", planned)}>{countText(planned)}</Fact> done,{" "}
        <Fact of={fact("failed", failed)}>{countText(failed)}</Fact> failed
      </Fragment>,
    ],
    ["Started", <Moment key="started" at={new Date(run.startedAt)} zone={zone} seconds />],
    [
      "Ended",
      run.finishedAt === null ? "not yet" : <Moment key="ended" at={new Date(run.finishedAt)} zone={zone} seconds />,
    ],
  ];
  return (
    <section class="panel" aria-label="State of the run">
      {run.outcome === "running" ? (
        <progress max={Math.max(1, planned)} value={done + failed} aria-label={`${done + failed} of ${planned} days`} />
      ) : null}
      <dl class="facts">
        {facts.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
      </dl>
      {run.reason === null ? null : (
        <Notice tone={run.outcome === "failed" ? "bad" : "note"} title="What was said at its end">
          {run.reason}
        </Notice>
      )}
      {run.failures.length === 0 ? null : (
        <ul class="plain">
          {run.failures.map(({ slice, type, reason, recoveredAt }) => (
            <li key={slice}>
              <strong>{slice}</strong> {type}: <Name of={reason} />{" "}
              {recoveredAt === null ? null : <Badge tone="good">recovered</Badge>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const money = (name: "before" | "after" | "change", label: string): Column<Changes["items"][number]> => ({
  name,
  label,
  kind: "money",
  value: (row) => row[name],
  currency: () => "",
  why: () => (name === "before" ? "never read before" : "not known"),
  ...(name === "change" ? { show: (row) => signed(row.change) } : {}),
});
const count = (name: "inserted" | "updated" | "withdrawn", label: string): Column<Changes["items"][number]> => ({
  name,
  label,
  kind: "count",
  value: (row) => row[name],
});
const changesColumns: readonly Column<Changes["items"][number]>[] = [
  { name: "day", label: "Day", kind: "day", value: ({ day }) => day },
  money("before", "Before"),
  money("after", "After"),
  money("change", "Change"),
  count("inserted", "Rows new"),
  count("updated", "Changed"),
  count("withdrawn", "Withdrawn"),
  { name: "outcome", label: "Outcome", kind: "text", value: ({ outcome }) => outcome },
  {
    name: "receiptId",
    label: "Receipt",
    kind: "text",
    value: ({ receiptId }) => receiptId,
    isExtra: true,
    show: ({ receiptId }) => receiptLink(receiptId),
  },
  { name: "failure", label: "Failure", kind: "text", value: ({ failure }) => failure, isExtra: true },
];

function ChangesTable({ run, changes, zone }: { run: Run; changes: Changes; zone: string }) {
  const { isDryRun, items, totals, unchangedDays } = changes;
  const json = `${addressOf(run.runId)}/changes`;
  const fact = (field: keyof Changes["totals"]) => ({ json, field: `totals.${field}`, value: totals[field] });
  return (
    <section class="panel" aria-labelledby="changes">
      <h2 id="changes">{isDryRun ? "What would change" : "What changed"}</h2>
      {isDryRun ? (
        <p>
          Nothing was written. <Count json={json} field="items.length" of={items.length} />{" "}
          {items.length === 1 ? "day" : "days"} would change,{" "}
          <Count json={json} field="unchangedDays" of={unchangedDays} /> would not.
        </p>
      ) : null}
      <div class="cards">
        <Figure label="Before" value={plainAmount(totals.before)} fact={fact("before")} />
        <Figure label="After" value={plainAmount(totals.after)} fact={fact("after")} />
        <Figure label="Change" value={signed(totals.change) ?? ""} fact={fact("change")} />
      </div>
      <Table
        columns={changesColumns}
        rows={items}
        zone={zone}
        caption={isDryRun ? "Days that would change" : "Days of this run"}
        json={{ url: json, path: "items" }}
        empty={<Empty title={isDryRun ? "Nothing would change" : "No day yet"}>The vendor says what is stored.</Empty>}
      />
    </section>
  );
}

/** What can be done with it: of a dry run the real thing, of one that runs a pause or its end. */
function Levers({ run, progress, changes }: { run: Run; progress: Progress; changes: Changes | null }) {
  const steer = `/runs/${encodeURIComponent(run.runId)}/steer`;
  if (run.outcome === "running") {
    const acts = run.kind === "sync" ? ["cancel"] : [progress.paused === true ? "resume" : "pause", "cancel"];
    return (
      <form method="post" action={steer} class="row">
        {acts.map((act) => (
          <button key={act} type="submit" name="act" value={act} class={act === "cancel" ? "danger" : ""}>
            {act.charAt(0).toUpperCase() + act.slice(1)}
          </button>
        ))}
        <span class="quiet">Days that are stored stay stored.</span>
      </form>
    );
  }
  if (run.kind !== "dry_run" || run.from === null || run.to === null || changes === null) return null;
  return (
    <form method="post" action="/freshness/backfill" class="row">
      {Object.entries({ source: run.source, from: run.from, to: run.to, key: randomUUID() }).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      {changes.items.some(({ outcome }) => outcome !== "would change") ? (
        <label>
          <input type="checkbox" name="acceptEmpty" value="yes" /> Take the answers for true, also where rows are gone
        </label>
      ) : null}
      <button type="submit" name="act" value="write" class="primary">
        Backfill {run.from === run.to ? run.from : `${run.from} to ${run.to}`} for real
      </button>
      <a href={dayAddress(run.source, run.from)}>Leave it as it is</a>
    </form>
  );
}
