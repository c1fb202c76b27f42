import { ShareBar } from "../components/charts.tsx";
import { countText, None } from "../components/format.tsx";
import type { Waste } from "./answers.ts";

type Found = NonNullable<Waste["funnel"]>;
type Count =
  "inventoryMatches" | "bidRequests" | "successfulResponses" | "bids" | "bidsInAuction" | "auctionsWon" | "impressions";
type Rate = "calloutRate" | "responseRate" | "bidRate" | "winRate";

interface Step {
  field: Count;
  label: string;
  what: string;
  rate?: { field: Rate; label: string; of: string };
}

const steps: readonly Step[] = [
  { field: "inventoryMatches", label: "Inventory matches", what: "queries that pretargeting lets through" },
  {
    field: "bidRequests",
    label: "Bid requests",
    what: "sent to the bidder",
    rate: { field: "calloutRate", label: "callout rate", of: "inventory matches" },
  },
  {
    field: "successfulResponses",
    label: "Successful responses",
    what: "answers that could be read",
    rate: { field: "responseRate", label: "response rate", of: "bid requests" },
  },
  {
    field: "bids",
    label: "Bids",
    what: "answers with a bid",
    rate: { field: "bidRate", label: "bid rate", of: "bid requests" },
  },
  { field: "bidsInAuction", label: "Bids in auction", what: "bids that took part" },
  {
    field: "auctionsWon",
    label: "Auctions won",
    what: "",
    rate: { field: "winRate", label: "win rate", of: "bids in auction" },
  },
  { field: "impressions", label: "Impressions", what: "" },
];

/** The way from a possible query to an impression, with what is left at each step. */
export function Funnel({ of: funnel, json }: { of: Found; json: string }) {
  const most = Math.max(1, ...steps.map(({ field }) => funnel[field] ?? 0));
  return (
    <section aria-labelledby="funnel">
      <div class="section-head">
        <h2 id="funnel">From a query to an impression</h2>
        <span class="quiet">by the report {funnel.report.replaceAll("_", " ")}</span>
      </div>
      <div class="scroll" role="region" aria-label="Funnel" tabIndex={0}>
        <table class="funnel">
          <caption class="visually-hidden">From a query to an impression, step by step</caption>
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col" class="figure">
                Count
              </th>
              <th scope="col" class="extra">
                Of the first
              </th>
              <th scope="col">Rate</th>
            </tr>
          </thead>
          <tbody>
            {steps.map((step) => (
              <Row key={step.field} step={step} funnel={funnel} most={most} json={json} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ step, funnel, most, json }: { step: Step; funnel: Found; most: number; json: string }) {
  const { field, label, what, rate } = step;
  const count = funnel[field];
  return (
    <tr>
      <th scope="row">
        {label} {what === "" ? null : <span class="quiet">{what}</span>}
      </th>
      <td class="figure" data-json={json} data-fact={`funnel.${field}`} data-value={String(count ?? "")}>
        {count === null ? <None why="not every report of these days has it" /> : countText(count)}
      </td>
      <td class="extra">
        {count === null ? null : <ShareBar share={count / most} label={`${label}: ${countText(count)}`} />}
      </td>
      <td>{rate === undefined ? null : <RateOf rate={rate} value={funnel.rates[rate.field]} json={json} />}</td>
    </tr>
  );
}

function RateOf({ rate, value, json }: { rate: NonNullable<Step["rate"]>; value: number | null; json: string }) {
  return (
    <span data-json={json} data-fact={`funnel.rates.${rate.field}`} data-value={String(value ?? "")}>
      {value === null ? <None why="a part of it is unknown" /> : `${value} %`}{" "}
      <span class="quiet">
        {rate.label}, of {rate.of}
      </span>
    </span>
  );
}
