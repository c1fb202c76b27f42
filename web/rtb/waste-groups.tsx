import { Badge, countText, None, type Tone } from "../components/format.tsx";
import { Count, Counted } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { SortedTable } from "../components/sorted-table.tsx";
import type { Waste } from "./answers.ts";
import { FirstRows } from "./first-rows.tsx";
import { countryName } from "./marks.tsx";

type Group = Omit<Waste["hours"][number], "hour">;
type Advice = Waste["advice"][number];
type Kind = Group["advice"][number]["kind"];

export interface Part {
  of: Waste;
  json: string;
  zone: string;
}

const kinds: Record<Kind, { tone: Tone; word: string }> = {
  no_bids: { tone: "bad", word: "no bid" },
  low_win_rate: { tone: "warning", word: "few auctions won" },
  low_viewability: { tone: "warning", word: "little seen" },
  invalid_traffic: { tone: "bad", word: "invalid traffic" },
};
const KindBadge = ({ of }: { of: Kind }) => <Badge tone={kinds[of].tone}>{kinds[of].word}</Badge>;

/** What is wrong with a row, by the words of the advice on it. */
export const findingColumn: Column<{ advice: readonly { kind: Kind }[] }> = {
  name: "advice",
  label: "Finding",
  kind: "text",
  isLocal: true,
  value: ({ advice }) => advice.map(({ kind }) => kinds[kind].word).join(", "),
  show: ({ advice }) => (
    <span class="marks">
      {advice.map(({ kind }) => (
        <KindBadge key={kind} of={kind} />
      ))}
    </span>
  ),
};

const hourText = (hour: string | number) => `${String(hour).padStart(2, "0")}:00`;

function subjectOf({ by, of, name }: Advice): string {
  if (by === "country") return countryName(of);
  return by === "hour" ? hourText(of) : (name ?? of);
}

const unitOf = (kind: Kind) => (kind === "no_bids" ? " requests a day" : " %");

const adviceColumns: Column<Advice>[] = [
  {
    name: "of",
    label: "What",
    kind: "text",
    value: (row) => row.of,
    show: (row) => (
      <>
        <b>{subjectOf(row)}</b> <span class="quiet">{row.by}</span>
      </>
    ),
  },
  {
    name: "kind",
    label: "Finding",
    kind: "text",
    value: (row) => row.kind,
    show: ({ kind }) => <KindBadge of={kind} />,
    isExtra: true,
  },
  { name: "text", label: "Advice", kind: "text", isLong: true, value: (row) => row.text },
  {
    name: "value",
    label: "Found",
    kind: "ratio",
    value: (row) => row.value,
    show: ({ value, kind }) => `${countText(kind === "no_bids" ? Math.round(value) : value)}${unitOf(kind)}`,
    isExtra: true,
  },
  {
    name: "threshold",
    label: "Threshold",
    kind: "ratio",
    value: (row) => row.threshold,
    show: ({ threshold, kind }) => `${countText(threshold)}${unitOf(kind)}`,
    isExtra: true,
  },
];

/** Leads to a dry run; hours are none of pretargeting's. */
const planColumn: Column<Advice> = {
  name: "plan",
  label: "",
  kind: "text",
  isLocal: true,
  value: () => null,
  show: ({ by, of, name }) =>
    by === "hour" ? null : (
      <form method="post" action="/pretargeting/plan">
        <input type="hidden" name="by" value={by} />
        <input type="hidden" name="value" value={of} />
        <button type="submit" aria-label={`Plan to leave out ${name ?? of}`}>
          Plan
        </button>
      </form>
    ),
};

const firstAdvice = 8;

/** What to do, with what was found and what it was held against. */
export function AdviceTable({ of, json, zone, canPlan }: Part & { canPlan: boolean }) {
  return (
    <section aria-labelledby="advice">
      <h2 id="advice">Advice</h2>
      <FirstRows
        columns={canPlan ? [...adviceColumns, planColumn] : adviceColumns}
        rows={of.advice}
        first={firstAdvice}
        caption="Advice"
        zone={zone}
        json={{ url: json, path: "advice" }}
        empty={<p class="quiet">Nothing of these days passes a threshold.</p>}
      />
    </section>
  );
}

/** Columns that every kind of group has. */
function groupColumns<Row extends Group>(name: Column<Row>): Column<Row>[] {
  const count = (field: "bidRequests" | "bids" | "auctionsWon" | "impressions", label: string): Column<Row> => ({
    name: field,
    label,
    kind: "count",
    value: (row) => row[field],
    why: () => "not every report of these days has it",
  });
  const rate = (field: "bidRate" | "winRate" | "calloutRate", label: string): Column<Row> => ({
    name: `rates.${field}`,
    label,
    kind: "percent",
    value: ({ rates }) => rates[field],
    why: () => "a part of it is unknown",
    isExtra: true,
  });
  return [
    name,
    count("bidRequests", "Bid requests"),
    {
      name: "rates.qps",
      label: "A second",
      kind: "ratio",
      value: ({ rates }) => rates.qps,
      show: ({ rates }) => (rates.qps === null ? <None why="unknown" /> : countText(rates.qps)),
      isExtra: true,
    },
    { ...count("bids", "Bids"), isExtra: true },
    {
      name: "rates.wasteRatio",
      label: "Without a bid",
      kind: "percent",
      value: ({ rates }) => rates.wasteRatio,
      why: () => "bids or requests are unknown",
    },
    rate("calloutRate", "Callout rate"),
    rate("bidRate", "Bid rate"),
    rate("winRate", "Win rate"),
    { ...count("impressions", "Impressions"), isExtra: true },
    findingColumn,
  ];
}

export const countryColumns = groupColumns<Waste["countries"][number]>({
  name: "country",
  label: "Country",
  kind: "text",
  value: (row) => row.country,
  show: ({ country }) =>
    country === null ? (
      <None why="the report does not say" />
    ) : (
      <>
        {countryName(country)} <span class="quiet">{country}</span>
      </>
    ),
});
export const publisherColumns = groupColumns<Waste["publishers"][number]>({
  name: "publisherId",
  label: "Publisher",
  kind: "text",
  value: (row) => row.publisherId,
  show: ({ publisherId, publisherName }) => (
    <>
      <b>{publisherName ?? publisherId}</b> {publisherName === null ? null : <span class="quiet">{publisherId}</span>}
    </>
  ),
});
export const hourColumns = groupColumns<Waste["hours"][number]>({
  name: "hour",
  label: "Hour",
  kind: "text",
  value: (row) => row.hour,
  show: ({ hour }) => (hour === null ? <None why="the report does not say" /> : hourText(hour)),
});

/** So many are on the page: those with most requests. All of them are in the export. */
const mostShown = 25;

/** Waste by country, publisher and hour. */
export function Groups({ of, json, zone, url }: Part & { url: URL }) {
  const { countries, publishers, hours, leftOut } = of;
  const isSaid = hours.some(({ hour }) => hour !== null);
  return (
    <>
      <GroupTable
        {...{ title: "By country", id: "countries", path: "countries", rows: countries, columns: countryColumns }}
        {...{
          json,
          zone,
          url,
          sort: "sortCountries",
          leftOut: leftOut.countries,
        }}
      />
      <GroupTable
        {...{
          title: "By publisher",
          id: "publishers",
          path: "publishers",
          rows: publishers,
          columns: publisherColumns,
        }}
        {...{
          json,
          zone,
          url,
          sort: "sortPublishers",
          leftOut: leftOut.publishers,
        }}
      />
      {isSaid ? (
        <GroupTable
          {...{ title: "By hour", id: "hours", path: "hours", rows: hours, columns: hourColumns }}
          {...{ json, zone, url, sort: "sortHours", leftOut: 0 }}
        />
      ) : null}
    </>
  );
}

interface GroupTableProps<Row> {
  title: string;
  id: string;
  path: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  json: string;
  zone: string;
  url: URL;
  /** What the address calls its order. */
  sort: string;
  /** How many its JSON route leaves out. */
  leftOut: number;
}

function GroupTable<Row>(props: GroupTableProps<Row>) {
  const { title, id, path, rows, columns, json, zone, url, sort, leftOut } = props;
  const hidden = Math.max(0, rows.length - mostShown);
  const more = hidden + leftOut;
  const left = leftOut === 0 ? undefined : `leftOut.${path}`;
  if (rows.length === 0) return null;
  return (
    <section aria-labelledby={id}>
      <div class="section-head">
        <h2 id={id}>{title}</h2>
        <span class="quiet">
          {more === 0 ? null : (
            <>
              <Counted json={json} of={path} less={rows.length - hidden} plus={left} value={more} /> more are in the
              export
            </>
          )}
        </span>
      </div>
      <SortedTable
        {...{ columns, rows, url, zone, name: sort, most: mostShown, caption: title }}
        json={{ url: json, path }}
      />
    </section>
  );
}

export function Thresholds({ of, json }: { of: Waste["thresholds"]; json: string }) {
  const said = (name: keyof Waste["thresholds"]) => <Count json={json} field={`thresholds.${name}`} of={of[name]} />;
  return (
    <p class="quiet">
      Advice is given from {said("leastRequests")} requests, bids or impressions on: no bid on{" "}
      {said("manyRequestsADay")} requests a day, a win rate under {said("leastWinRate")} %, viewability under{" "}
      {said("leastViewability")} %, or over {said("mostInvalid")} % invalid traffic. Below, chance decides.
    </p>
  );
}
