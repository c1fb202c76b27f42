import { Filters } from "../components/filters.tsx";
import { countText, moneyText, Name, None } from "../components/format.tsx";
import { Count, ExportLink, Figure, Notice, PageHead } from "../components/parts.tsx";
import { callUpTo, jsonAddress } from "../shared/json.ts";
import { get, page } from "../shared/page.tsx";
import { readers, withQuery, type At, type Web } from "../shared/web.ts";
import { rtb, type Coverage, type Seat, type Waste } from "./answers.ts";
import { SpendSources } from "./spend-sources.tsx";
import { Funnel } from "./funnel.tsx";
import { askedOf, usualDays, type WasteQuery } from "./waste-days.ts";
import { wasteExport } from "./waste-export.ts";
import { NoReports, ReportGuide } from "./waste-guide.tsx";
import { SizeCoverage } from "./size-coverage.tsx";
import { AfterBidding } from "./waste-after.tsx";
import { AdviceTable, Groups, Thresholds } from "./waste-groups.tsx";
import { sortedWasteQuery } from "./waste-sorts.ts";

/** Reports come when a day is over: of today there is the bidder's own traffic. */
const dayChoices = [
  { label: "Today", days: 1, end: null },
  { label: "Yesterday", days: 1, end: "yesterday" },
  ...[7, 14, 30, 90].map((days) => ({ label: `${days} days`, days, end: null })),
] as const;
/** Where bid requests are lost, by which country, publisher and hour, and which sizes have no creative. */
export function wastePages(web: Web): void {
  page(web, { url: "/waste", who: readers, query: sortedWasteQuery }, async (at) => {
    const asked = askedOf(at);
    const addresses = {
      waste: jsonAddress(`${rtb}/analytics/waste`, asked),
      coverage: jsonAddress(`${rtb}/analytics/size-coverage`, asked),
    };
    const [waste, coverage, { items: seats }] = await Promise.all([
      get<Waste>(web, at.request, addresses.waste),
      get<Coverage>(web, at.request, addresses.coverage),
      callUpTo<Seat>(web, at, { path: `${rtb}/seats`, query: {} }, 1_000),
    ]);
    return {
      title: "Waste",
      body: (
        <>
          <PageHead title="Waste" lead={`${waste.from} to ${waste.to}, by the reports' clock (${waste.timezone}).`}>
            <a class="button" href="/creatives">
              Creatives
            </a>
            <a class="button" href="/seats">
              Seats
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          <Choices at={at} seats={seats} />
          <Shown of={{ waste, coverage }} addresses={addresses} at={at} />
        </>
      ),
    };
  });
  wasteExport(web);
}

function Choices({ at: { url, query: asked }, seats }: { at: At<WasteQuery>; seats: readonly Seat[] }) {
  const chosen = asked.days ?? usualDays;
  return (
    <>
      <div class="period" role="group" aria-label="Days">
        {dayChoices.map(({ label, days, end }) => (
          <a
            key={label}
            href={withQuery(url, { days: String(days), end })}
            aria-current={days === chosen && end === (asked.end ?? null) ? "true" : undefined}
          >
            {label}
          </a>
        ))}
      </div>
      <Filters
        url={url}
        filters={[
          {
            name: "buyer_id",
            label: "Seat",
            kind: "choice",
            choices: [
              ["", "all seats together"],
              ...seats.map(({ buyerId, displayName }) => [buyerId, displayName ?? buyerId] as const),
            ],
          },
        ]}
      />
    </>
  );
}

interface ShownProps {
  of: { waste: Waste; coverage: Coverage };
  addresses: { waste: string; coverage: string };
  at: At<WasteQuery>;
}

function Shown({ of: { waste, coverage }, addresses, at }: ShownProps) {
  const { zone } = at;
  const { funnel, delivery, quality, filtering, invalid } = waste;
  const hasReports =
    funnel !== null || delivery !== null || [quality, filtering, invalid].some(({ length }) => length > 0);
  if (!hasReports && coverage.requests === null)
    return (
      <>
        <NoReports of={waste} canUpload={at.viewer.isKeeper} />
        <SizeCoverage
          of={coverage}
          json={addresses.coverage}
          url={at.url}
          zone={zone}
          currency={waste.spend?.currency ?? "USD"}
        />
      </>
    );
  const json = addresses.waste;
  return (
    <>
      <Missing of={waste.missing} />
      {funnel === null ? null : (
        <>
          <Totals of={waste} json={json} />
          <Funnel of={funnel} json={json} />
        </>
      )}
      <SpendSources of={waste} json={json} zone={zone} />
      <AdviceTable of={waste} json={json} zone={zone} canPlan={at.viewer.isKeeper} />
      <Groups of={waste} json={json} zone={zone} url={at.url} />
      <SizeCoverage
        of={coverage}
        json={addresses.coverage}
        url={at.url}
        zone={zone}
        currency={waste.spend?.currency ?? "USD"}
      />
      <AfterBidding of={waste} json={json} zone={zone} />
      <Thresholds of={waste.thresholds} json={json} />
      <ReportGuide canUpload={at.viewer.isKeeper} />
    </>
  );
}

/** What no report can tell is said, and nothing is made up in its place. */
function Missing({ of }: { of: readonly string[] }) {
  if (of.length === 0) return null;
  return (
    <Notice tone="note" title="What no report of these days says">
      <ul>
        {of.map((sentence) => (
          <li key={sentence}>{sentence}.</li>
        ))}
      </ul>
    </Notice>
  );
}

const percentText = (percent: number | null, why: string) =>
  percent === null ? <None why={why} /> : <>{`${percent} %`}</>;

function Totals({ of: { funnel, spend, delivery }, json }: { of: Waste; json: string }) {
  if (funnel === null) return null;
  const { rates, daysWithData } = funnel;
  const rate = (field: keyof typeof rates) => ({
    json,
    field: `funnel.rates.${field}`,
    value: String(rates[field] ?? ""),
  });
  return (
    <div class="cards">
      <Figure
        label="Requests without a bid"
        value={percentText(rates.wasteRatio, "bids or requests are unknown")}
        fact={rate("wasteRatio")}
      >
        waste, of all bid requests
      </Figure>
      <Figure
        label="Bid requests a second"
        value={rates.qps === null ? <None why="unknown" /> : countText(rates.qps)}
        fact={rate("qps")}
      >
        over <Count json={json} field="funnel.daysWithData" of={daysWithData} /> {daysWithData === 1 ? "day" : "days"}{" "}
        with data
      </Figure>
      <Figure label="Bid rate" value={percentText(rates.bidRate, "bids are unknown")} fact={rate("bidRate")}>
        bids of bid requests
      </Figure>
      <Figure label="Win rate" value={percentText(rates.winRate, "auctions are unknown")} fact={rate("winRate")}>
        auctions won of bids in auction
      </Figure>
      {spend === null ? null : (
        <Figure
          label="Spend"
          value={moneyText(spend.spend, spend.currency)}
          fact={{ json, field: "spend.spend", value: spend.spend }}
        >
          by <Name of={spend.report.replaceAll("_", " ")} />
          {spend.performanceDays > 0 ? (
            <>
              , <Count json={json} field="spend.performanceDays" of={spend.performanceDays} />{" "}
              {spend.performanceDays === 1 ? "day" : "days"} by ad performance
            </>
          ) : null}
          ; <a href="#spend">others say</a>
        </Figure>
      )}
      {delivery === null ? null : (
        <Figure
          label="Delivery loss"
          value={percentText(delivery.deliveryLoss, "reached queries are unknown")}
          fact={{ json, field: "delivery.deliveryLoss", value: String(delivery.deliveryLoss ?? "") }}
        >
          after bidding: no waste of requests
        </Figure>
      )}
    </div>
  );
}
