import { countText, moneyText, None } from "../components/format.tsx";
import { Table, type Column } from "../components/table.tsx";
import { moneyIn } from "../components/columns.ts";
import type { Waste } from "./answers.ts";

type Source = Waste["spendSources"][number];

const names: Record<Source["source"], string> = {
  bids_in_auction: "Report “bids in auction”",
  quality: "Report “quality”",
  ad_performance: "Files of ad performance",
};

/** Where a figure of creatives or campaigns comes from, and why the page of waste has another. */
export const PerformanceBasis = () => (
  <>
    by files of ad performance; <a href="/waste#spend">why Waste may say another spend</a>
  </>
);

interface Props {
  of: Waste;
  json: string;
  zone: string;
}

/** What each source says was spent on the same days, and which of it counts here: no two are added. */
export function SpendSources({ of, json, zone }: Props) {
  const { spend, spendSources: sources } = of;
  if (spend === null) return null;
  const authority = names[spend.report].replace("Report", "the report");
  const performance = sources.find(({ source }) => source === "ad_performance");
  return (
    <section aria-labelledby="spend" class="stacked">
      <h2 id="spend">Spend, by what says it</h2>
      <p class="lead">
        On this page the spend of a day is what {authority} says (<code>RTB_SPEND_REPORT</code>), and what files of ad
        performance say of days and seats that it lacks. No two are added. The pages of creatives and campaigns are by
        files of ad performance alone{performance === undefined ? ", of which there are none of these days" : ""}.
      </p>
      <Table
        columns={columnsIn(spend.currency)}
        rows={sources}
        caption="Spend of the same days, by what says it"
        zone={zone}
        json={{ url: json, path: "spendSources" }}
      />
      <Reasons of={of} />
    </section>
  );
}

function Reasons({ of: { timezone, days, spend, spendSources } }: { of: Waste }) {
  if (spendSources.length < 2) return null;
  const authority = spendSources.find(({ source }) => source === spend?.report);
  const missing = authority === undefined ? days : days - authority.days;
  return (
    <ul class="quiet">
      {missing > 0 ? (
        <li>
          Days: the authority lacks {countText(missing)} of {countText(days)}.
        </li>
      ) : null}
      <li>
        Clocks: the days of reports are by {timezone} (<code>RTB_REPORT_TIMEZONE</code>), those of ad performance as
        their files have them; about midnight they are not the same hours.
      </li>
      <li>
        Counts: a report has what the exchange billed by creative, files of ad performance what the bidder or the ad
        server counted, and only of creatives that they name.
      </li>
    </ul>
  );
}

/** One of the figures of a cell. */
const part = (name: string, value: string | number, text: string) => (
  <span data-field={`common.${name}`} data-value={String(value)}>
    {text}
  </span>
);

const columnsIn = (currency: string): Column<Source>[] => [
  {
    name: "source",
    label: "By",
    kind: "text",
    value: (row) => row.source,
    show: ({ source }) => names[source],
  },
  { name: "days", label: "Days", kind: "count", value: (row) => row.days },
  moneyIn<Source>(currency)("spend", "Says", (row) => row.spend),
  moneyIn<Source>(currency)("counted", "Counts here", (row) => row.counted),
  {
    name: "common",
    label: "Where both say something",
    kind: "text",
    isLocal: true,
    isLong: true,
    value: ({ common }) => (common === null ? null : `${common.spend} / ${common.authority}`),
    show: ({ common, counted, spend }) =>
      common === null ? (
        counted === spend ? (
          <span class="quiet">all of it counts</span>
        ) : (
          <None why="no day and seat that both have" />
        )
      ) : (
        <>
          {part("spend", common.spend, moneyText(common.spend, currency))} of{" "}
          {part("days", common.days, countText(common.days))} {common.days === 1 ? "day" : "days"}, where the authority
          says {part("authority", common.authority, moneyText(common.authority, currency))}
        </>
      ),
  },
];
