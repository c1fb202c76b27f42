import { mostGroupsAtOnce } from "../../rules/intelligence/model-prompt.ts";
import { clusterProviders } from "../../settings/clusters.ts";
import { countText, Moment, Name, Origin } from "../components/format.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { Count, Figure, Notice } from "../components/parts.tsx";
import type { At } from "../shared/web.ts";
import type { ClusterRun } from "./answers.ts";
import { Confidence, providerWord, runText } from "./grouping-words.tsx";

/** After so long nobody waits on a page: Temporal shows what keeps it. */
const patienceMs = 15 * 60_000;

interface Started {
  running?: string | undefined;
  since?: string | undefined;
}

/** A grouping that goes on: the page looks again until a run is over that ended after it was begun. */
export function Running({ at, last }: { at: At<Started>; last: ClusterRun | null }) {
  const { running, since } = at.query;
  if (running === undefined || since === undefined) return null;
  const isOver = last !== null && last.at > since;
  const isLate = !isOver && at.now.getTime() - Date.parse(since) > patienceMs;
  return (
    <div id="running" {...(isOver || isLate ? {} : { "data-live": "2", "data-then": "reload" })}>
      <Notice
        tone={isOver ? "good" : isLate ? "warning" : "note"}
        title={isOver ? "Grouped" : isLate ? "Not over after 15 minutes" : "Creatives are being grouped"}
      >
        {isOver ? `${runText(last)}. ` : ""}
        <WorkflowLink parts={at.parts} workflowId={running}>
          {isOver ? "Its workflow" : "Follow it in Temporal"}
        </WorkflowLink>
      </Notice>
    </div>
  );
}

/** Starts a grouping; who does it is chosen. */
export function GroupForm() {
  return (
    <form method="post" action="/campaigns/cluster" class="row">
      <label>
        <span class="visually-hidden">Who groups them</span>
        <select name="ai_provider">
          <option value="">as set</option>
          {clusterProviders.map((provider) => (
            <option key={provider} value={provider}>
              {provider === "rule-based" ? "by rules" : `with ${providerWord(provider)}`}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Group again</button>
    </form>
  );
}

interface LastRunProps {
  at: At<unknown>;
  last: ClusterRun;
  json: string;
}

/** How many groups there are, how firm they are, and how the last run went. */
export function LastRun({ at, last, json }: LastRunProps) {
  const fact = (field: keyof ClusterRun) => ({ json, field: `items.0.${field}`, value: String(last[field] ?? "") });
  const { providerAsked, providerUsed, model, fallbackReason } = last;
  return (
    <>
      <div class="cards">
        <Figure label="Campaigns by grouping" value={countText(last.campaignCount)} fact={fact("campaignCount")}>
          from <Count json={json} field="items.0.groups" of={last.groups} /> groups of the rules
        </Figure>
        <Figure label="Creatives grouped" value={countText(last.creatives)} fact={fact("creatives")} />
        <Figure
          label="Confidence"
          value={<Confidence of={last.confidence} why="nothing was grouped" />}
          fact={fact("confidence")}
        >
          how firmly creatives hang together, 0 to 1
        </Figure>
        <Figure
          label="The model's own figure"
          value={<Confidence of={last.modelConfidence} why="no model named these groups" />}
          fact={fact("modelConfidence")}
        >
          not calibrated, decides nothing
        </Figure>
      </div>
      <p>
        Last run{" "}
        <span data-json={json} data-fact="items.0.at" data-value={last.at}>
          <Moment at={new Date(last.at)} zone={at.zone} />
        </span>
        , by {providerWord(providerUsed)}
        {model === null ? null : (
          <>
            {" "}
            (<Name of={model} />)
          </>
        )}
        : {runText(last)}.{" "}
        <WorkflowLink parts={at.parts} workflowId={last.workflowId} runId={last.runId}>
          Its workflow
        </WorkflowLink>{" "}
        <Origin of={last.origin} />
      </p>
      <Refused of={last.refused} />
      <SeveralCalls of={last} json={json} />
      {fallbackReason === null ? null : (
        <Notice
          tone="warning"
          title={
            providerUsed === providerAsked
              ? `Not all as asked of ${providerWord(providerAsked)}`
              : `Not by ${providerWord(providerAsked)}`
          }
        >
          <Name of={fallbackReason} />
        </Notice>
      )}
    </>
  );
}

/** A model sees so many groups at once, and merges none across its calls. */
function SeveralCalls({ of: { providerUsed, groups }, json }: { of: ClusterRun; json: string }) {
  if (providerUsed === "rule-based" || groups <= mostGroupsAtOnce) return null;
  return (
    <p class="quiet">
      The model was asked about <Count json={json} field="items.0.groups" of={groups} /> groups in{" "}
      {countText(Math.ceil(groups / mostGroupsAtOnce))} calls of at most {mostGroupsAtOnce}: groups of different calls
      were not merged. What belongs together all the same, merge by hand.
    </p>
  );
}

const refusals: Record<string, string> = {
  unknownIds: "groups that were not sent",
  repeatedIds: "groups named twice",
  missingIds: "groups left out",
  merges: "merges",
  badNames: "names",
};

/** What of a model's answer did not count. */
function Refused({ of }: { of: ClusterRun["refused"] }) {
  const found = Object.entries(of ?? {}).filter(([, count]) => count > 0);
  if (found.length === 0) return null;
  return (
    <p class="quiet">
      Refused of the model's answer: {found.map(([kind, count]) => `${count} ${refusals[kind] ?? kind}`).join(", ")}.
    </p>
  );
}
