import { Badge, countText, Name } from "../components/format.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { Count, Empty, Figure, Notice, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { call, page } from "../shared/page.tsx";
import { keepers, type Web } from "../shared/web.ts";
import { readCreativeName } from "../../rules/rtb/creative-names.ts";
import { creativeAddress, rtb, type Suggestion } from "./answers.ts";
import { GroupForm } from "./cluster-run.tsx";
import { basisWord, Confidence, DecidedBy, runText, variantsText } from "./grouping-words.tsx";

type Suggested = Suggestion["campaigns"][number];
const json = `${rtb}/creatives/cluster`;
/** Of a campaign's creatives: the others are counted. */
const mostNamed = 200;

/** What grouping would make of the creatives as they are, before anybody asks for it. */
export function suggestionPage(web: Web): void {
  page(web, { url: "/campaigns/suggestions", who: keepers }, async (at) => {
    const { body } = await call<Suggestion | { state: "running"; workflowId: string }>(web, at.request, {
      method: "GET",
      url: json,
    });
    return {
      title: "Suggested campaigns",
      body: (
        <>
          <PageHead
            title="Suggested campaigns"
            lead="What grouping by rules would make of the creatives as they are now. Nothing has been changed."
          >
            <a class="button" href="/campaigns">
              Campaigns
            </a>
            <GroupForm />
          </PageHead>
          {"state" in body ? (
            <div id="suggesting" data-live="2" data-then="reload">
              <Notice tone="note" title="A suggestion is being made">
                <WorkflowLink parts={at.parts} workflowId={body.workflowId}>
                  Follow it in Temporal
                </WorkflowLink>
              </Notice>
            </div>
          ) : (
            <Shown suggestion={body} zone={at.zone} />
          )}
        </>
      ),
    };
  });
}

function Shown({ suggestion, zone }: { suggestion: Suggestion; zone: string }) {
  const fact = (field: "creatives" | "groups" | "created" | "removed" | "moved" | "confidence") => ({
    json,
    field,
    value: String(suggestion[field] ?? ""),
  });
  return (
    <>
      <div class="cards">
        <Figure label="Groups" value={countText(suggestion.groups)} fact={fact("groups")}>
          <Count json={json} field="creatives" of={suggestion.creatives} /> creatives
        </Figure>
        <Figure label="New campaigns" value={countText(suggestion.created)} fact={fact("created")} />
        <Figure label="Left empty" value={countText(suggestion.removed)} fact={fact("removed")} />
        <Figure label="Creatives moved" value={countText(suggestion.moved)} fact={fact("moved")} />
        <Figure
          label="Confidence"
          value={<Confidence of={suggestion.confidence} why="nothing to group" />}
          fact={fact("confidence")}
        />
      </div>
      <p class="quiet">Against the campaigns of now: {runText(suggestion)}.</p>
      <Table
        columns={columns}
        rows={suggestion.campaigns}
        caption="Suggested campaigns"
        zone={zone}
        json={{ url: json, path: "campaigns" }}
        empty={
          <Empty title="There is nothing to group">
            <a href="/seats">Sync the creatives of a seat</a> first. What people grouped themselves is left alone.
          </Empty>
        }
      />
    </>
  );
}

const columns: Column<Suggested>[] = [
  {
    name: "campaignName",
    label: "Campaign",
    kind: "text",
    value: (row) => row.campaignName,
    show: ({ campaignId, campaignName }) =>
      campaignId === null ? (
        <>
          <Name of={campaignName} /> <Badge tone="note">new</Badge>
        </>
      ) : (
        <a href={`/campaigns/${campaignId}`}>{campaignName}</a>
      ),
  },
  {
    name: "creatives.length",
    label: "Creatives",
    kind: "count",
    value: (row) => row.creatives.length,
    show: ({ creatives }) => <Creatives of={creatives} />,
  },
  {
    name: "confidenceScore",
    label: "Confidence",
    kind: "ratio",
    value: (row) => row.confidenceScore,
    show: ({ confidenceScore }) => <Confidence of={confidenceScore} why="" />,
  },
  {
    name: "namedBy",
    label: "Named by",
    kind: "text",
    value: (row) => row.namedBy,
    show: ({ namedBy }) => <DecidedBy of={{ namedBy, aiProvider: null }} />,
    isExtra: true,
  },
  {
    name: "variants",
    label: "Languages and formats",
    kind: "text",
    isLong: true,
    isLocal: true,
    value: ({ variants }) => variantsText(variants),
    isExtra: true,
  },
];

function Creatives({ of }: { of: Suggested["creatives"] }) {
  return (
    <details>
      <summary>{countText(of.length)}</summary>
      <ul class="plain members">
        {of.slice(0, mostNamed).map(({ creativeId, basis }) => (
          <li key={creativeId}>
            <a href={creativeAddress(readCreativeName(creativeId))}>{creativeId}</a>{" "}
            <span class="quiet">{basisWord(basis)}</span>
          </li>
        ))}
        {of.length > mostNamed ? <li class="quiet">and {countText(of.length - mostNamed)} more</li> : null}
      </ul>
    </details>
  );
}
