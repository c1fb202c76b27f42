import { Name } from "../components/format.tsx";
import { Table, type Column } from "../components/table.tsx";
import type { Decision } from "./answers.ts";
import { momentOf } from "./marks.tsx";

interface Props {
  of: readonly Decision[];
  campaignId: number;
  json: string;
  zone: string;
}

/** What people decided about a campaign, with who and when: grouping follows it from then on. */
export function Decisions({ of, campaignId, json, zone }: Props) {
  return (
    <section aria-labelledby="decisions">
      <h2 id="decisions">Decisions of people</h2>
      <Table
        columns={columnsFor(campaignId)}
        rows={of}
        caption="Decisions of people, the last first"
        zone={zone}
        json={{ url: json, path: "decisions" }}
        empty={<p class="quiet">None: it is as grouping or a file made it.</p>}
      />
    </section>
  );
}

const columnsFor = (campaignId: number): Column<Decision>[] => [
  { name: "at", label: "When", kind: "moment", value: (row) => momentOf(row.at) },
  {
    name: "actor",
    label: "Who",
    kind: "text",
    value: (row) => row.actor,
    show: ({ actor, role }) => (
      <>
        <Name of={actor} />
        {role === null ? "" : ` (${role})`}
      </>
    ),
  },
  {
    name: "kind",
    label: "What",
    kind: "text",
    isLong: true,
    value: (row) => row.kind,
    show: (row) => <What of={row} campaignId={campaignId} />,
  },
  { name: "creatives", label: "Creatives", kind: "count", value: (row) => row.creatives },
];

function What({ of, campaignId }: { of: Decision; campaignId: number }) {
  const { kind, campaignId: into, name, earlierName } = of;
  const other = into === campaignId ? null : <a href={`/campaigns/${into}`}>{name}</a>;
  const earlier = earlierName === null ? null : <b>{earlierName}</b>;
  switch (kind) {
    case "renamed":
      return (
        <>
          renamed from {earlier} to <b>{name}</b>
        </>
      );
    case "merged":
      return other === null ? <>{earlier} was merged into this one</> : <>merged into {other}</>;
    case "split":
      return other === null ? (
        <>split off {earlier === null ? "another campaign" : earlier}</>
      ) : (
        <>split off as {other}</>
      );
    case "moved":
      return other === null ? <>moved here from {earlier}</> : <>moved to {other}</>;
    case "replaced":
      return <>its creatives were named whole, over HTTP or by a file</>;
  }
}
