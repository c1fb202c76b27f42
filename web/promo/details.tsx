import { Table, type Column } from "../components/table.tsx";
import type { Analytics } from "./answers.ts";
import { Cohorts, Commission, CtrChart, Devices, Hours } from "./figures.tsx";

interface FunnelRows<Row> {
  caption: string;
  /** Where its rows stand in the answer. */
  path: "by_offer" | "by_variation";
  columns: readonly Column<Row>[];
  rows: readonly Row[];
}

/** What stands below a comparison, of offers or of one offer's texts. */
export function Details<Row>({
  of,
  json,
  zone,
  funnel,
}: {
  of: Analytics;
  json: string;
  zone: string;
  funnel: FunnelRows<Row>;
}) {
  return (
    <>
      <section aria-labelledby="over-time">
        <h2 id="over-time">Click rate over time</h2>
        <CtrChart of={of} json={json} />
      </section>
      <section aria-labelledby="funnel">
        <h2 id="funnel">From the impression to the payout</h2>
        <Table
          columns={funnel.columns}
          rows={funnel.rows}
          caption={funnel.caption}
          zone={zone}
          json={{ url: json, path: `funnel.${funnel.path}` }}
        />
        <h3>Commission and return</h3>
        <Commission of={of} json={json} zone={zone} />
      </section>
      <section aria-labelledby="hours">
        <h2 id="hours">When people click</h2>
        <Hours of={of} json={json} />
      </section>
      <div class="columns">
        <section aria-labelledby="cohorts">
          <h2 id="cohorts">By day of the send</h2>
          <Cohorts of={of} json={json} zone={zone} />
        </section>
        <section aria-labelledby="devices">
          <h2 id="devices">By device</h2>
          <Devices of={of} json={json} zone={zone} />
        </section>
      </div>
    </>
  );
}
