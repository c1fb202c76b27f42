import { Badge, countText, moneyText, None, type Tone } from "../components/format.tsx";
import { Count, Empty, Figure, Notice } from "../components/parts.tsx";
import { SortedTable } from "../components/sorted-table.tsx";
import type { Column } from "../components/table.tsx";
import { partOfDays } from "../../rules/rtb/size-coverage.ts";
import type { Coverage } from "./answers.ts";
import { Share } from "./marks.tsx";

type Size = Coverage["sizes"][number];
type Kind = NonNullable<Size["advice"]>["kind"];

const words: Record<Size["coverage"], { tone: Tone; word: string; what: string }> = {
  good: { tone: "good", word: "good", what: "enough creatives for what is asked" },
  low: { tone: "warning", word: "low", what: "fewer than 3 creatives for over 1,000 requests" },
  none: { tone: "bad", word: "none", what: "asked for, and no creative" },
  excess: { tone: "quiet", word: "excess", what: "creatives, and no request" },
  unknown: { tone: "quiet", word: "unknown", what: "no traffic by size" },
};
const kinds: Record<Kind, string> = {
  block: "leave it out",
  add_creative: "add a creative",
  use_flexible: "use a flexible one",
  monitor: "watch it",
};

interface Props {
  of: Coverage;
  json: string;
  /** The address of the page, whose filters and order its export has, too. */
  url: URL;
  zone: string;
  currency: string;
}

/** Sizes that are asked for beside the creatives there are of each. */
export function SizeCoverage({ of, json, url, zone, currency }: Props) {
  return (
    <section aria-labelledby="sizes" class="stacked">
      <div class="section-head">
        <h2 id="sizes">Size coverage</h2>
        <a href={`/waste/sizes.csv${url.search}`} download>
          Export sizes
        </a>
      </div>
      {of.missing === null ? (
        <Shares of={of} json={json} />
      ) : (
        <Notice tone="note" title="No traffic data by size">
          <p>{of.missing}.</p>
          <p>
            The bidder sends its own: <code>POST /api/v1/rtb/traffic</code>, or a file with the columns{" "}
            <code>timestamp,size,format,geo,device_type,requests,seconds</code>.
          </p>
        </Notice>
      )}
      <SortedTable
        url={url}
        name="sortSizes"
        columns={sizeColumns(currency)}
        rows={of.sizes}
        caption="Sizes"
        zone={zone}
        json={{ url: json, path: "sizes" }}
        empty={
          <Empty title="No size is known">
            <a href="/seats">Sync the creatives of a seat</a>, or load them with their sizes.
          </Empty>
        }
      />
      {of.creativesWithoutSize === 0 ? null : (
        <p class="quiet">
          <Count json={json} field="creativesWithoutSize" of={of.creativesWithoutSize} />{" "}
          {of.creativesWithoutSize === 1
            ? "creative has no size that is known, and is"
            : "creatives have no size that is known, and are"}{" "}
          in no row.
        </p>
      )}
      {of.unreadable === 0 ? null : (
        <p class="quiet">
          <Count json={json} field="unreadable" of={of.unreadable} /> requests have a size that cannot be read.
        </p>
      )}
    </section>
  );
}

function Shares({ of, json }: { of: Coverage; json: string }) {
  const part = partOfDays(of);
  const fact = (field: "wasteShare" | "wasted" | "requests") => ({ json, field, value: String(of[field] ?? "") });
  return (
    <div class="cards">
      <Figure
        label="Asked for without a creative"
        value={of.wasteShare === null ? <None why="unknown" /> : `${of.wasteShare} %`}
        fact={fact("wasteShare")}
      >
        of requests by size
      </Figure>
      <Figure label="These requests" value={countText(of.wasted ?? 0)} fact={fact("wasted")} />
      <Figure label="All requests by size" value={countText(of.requests ?? 0)} fact={fact("requests")}>
        over <Count json={json} field="daysWithData" of={of.daysWithData} /> {of.daysWithData === 1 ? "day" : "days"}{" "}
        with data
        {part === null ? "" : ` (${part} of traffic: figures a day are reckoned from these)`}
      </Figure>
    </div>
  );
}

export const sizeColumns = (currency: string): Column<Size>[] => [
  { name: "size", label: "Size", kind: "text", value: (row) => row.size },
  {
    name: "coverage",
    label: "Coverage",
    kind: "text",
    value: (row) => row.coverage,
    show: ({ coverage }) => <Badge tone={words[coverage].tone}>{words[coverage].word}</Badge>,
  },
  { name: "creatives", label: "Creatives", kind: "count", value: (row) => row.creatives },
  {
    name: "requests",
    label: "Requests",
    kind: "count",
    value: (row) => row.requests,
    why: () => "no traffic by size",
  },
  {
    name: "share",
    label: "Share",
    kind: "percent",
    value: (row) => row.share,
    show: ({ share, size }) =>
      share === null ? <None why="no traffic by size" /> : <Share percent={share} of={size} />,
    isExtra: true,
  },
  {
    name: "qps",
    label: "A second",
    kind: "ratio",
    value: (row) => row.qps,
    show: ({ qps }) => (qps === null ? <None why="no traffic by size" /> : countText(qps)),
    isExtra: true,
  },
  {
    name: "advice.kind",
    label: "Advice",
    kind: "text",
    isLong: true,
    value: ({ advice }) => advice?.kind ?? null,
    show: ({ advice, coverage, requests }) =>
      advice === null ? (
        <span class="quiet">
          {coverage === "unknown" && requests !== null
            ? "impressions of it, or requests of its kind without a size: how often it is asked for is unknown"
            : words[coverage].what}
        </span>
      ) : (
        <>
          <b>{kinds[advice.kind]}</b>: {advice.text}
        </>
      ),
  },
  {
    name: "advice.threshold",
    label: "From, a day",
    kind: "count",
    value: ({ advice }) => advice?.threshold ?? null,
    isExtra: true,
  },
  {
    name: "advice.monthlyCost",
    label: "Cost in 30 days",
    kind: "money",
    value: ({ advice }) => advice?.monthlyCost ?? null,
    show: ({ advice }) =>
      advice?.monthlyCost == null ? (
        <None why="no spend or no requests to estimate by" />
      ) : (
        `≈ ${moneyText(advice.monthlyCost, currency)}`
      ),
    currency: () => currency,
    isExtra: true,
  },
];
