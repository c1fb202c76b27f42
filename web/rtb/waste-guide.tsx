import { Empty } from "../components/parts.tsx";

const reports = [
  {
    name: "Pipeline by country",
    columns:
      "Day, Country, Hour; Bid requests, Inventory matches, Successful responses, Bids, Bids in auction, Auctions won, Impressions, Clicks",
    says: "the funnel, waste by country and hour",
  },
  {
    name: "Pipeline by publisher",
    columns: "Day, Hour, Country, Publisher ID, Publisher name; the same figures and Reached queries",
    says: "waste by publisher",
  },
  {
    name: "Bids in auction",
    columns:
      "Day, Country, Creative ID, Buyer account ID; Bids in auction, Auctions won, Bids, Reached queries, Impressions, Spend",
    says: "spend, and what is lost after bidding",
  },
  {
    name: "Quality",
    columns:
      "Day, Billing ID, Creative ID, Creative size, Creative format; Reached queries, Impressions, Spend, Active view viewable, Active view measurable",
    says: "viewability by size",
  },
  {
    name: "Invalid traffic",
    columns:
      "Day, Country, Publisher ID, Publisher name; Impressions, IVT credited impressions, Pre-filtered impressions, Billed impressions",
    says: "invalid traffic by publisher and country",
  },
  {
    name: "Bid filtering",
    columns: "Day, Country, Creative ID, Bid filtering reason; Bids",
    says: "why bids did not take part",
  },
  {
    name: "The bidder's own traffic",
    columns: "timestamp, size, format, geo, device_type, requests, seconds",
    says: "size coverage: no report of Google's has requests by size",
  },
];

function Reports() {
  return (
    <div class="scroll" role="region" aria-label="Reports to export" tabIndex={0}>
      <table>
        <caption class="visually-hidden">Reports to export</caption>
        <thead>
          <tr>
            <th scope="col">Report</th>
            <th scope="col">Its columns</th>
            <th scope="col">Says</th>
          </tr>
        </thead>
        <tbody>
          {reports.map(({ name, columns, says }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="wrap">{columns}</td>
              <td class="wrap">{says}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const Where = ({ canUpload }: { canUpload: boolean }) =>
  canUpload ? (
    <>
      <a href="/files/upload">Upload them as CSV</a>: each is recognised by its header.
    </>
  ) : (
    <>An operator uploads them as CSV under Files: each is recognised by its header.</>
  );

/** What to do when there is nothing to show. */
export function NoReports({ of: { days, to }, canUpload }: { of: { days: number; to: string }; canUpload: boolean }) {
  return (
    <>
      <Empty title={`No report of ${days === 1 ? to : `the ${days} days to ${to}`}`}>
        Reports come when a day is over. Export these from Authorized Buyers (Reports, daily): Google does not allow all
        columns in one. <Where canUpload={canUpload} />
      </Empty>
      <Reports />
    </>
  );
}

export function ReportGuide({ canUpload }: { canUpload: boolean }) {
  return (
    <details>
      <summary>Which reports to export, and where to upload them</summary>
      <p>
        <Where canUpload={canUpload} />
      </p>
      <Reports />
    </details>
  );
}
