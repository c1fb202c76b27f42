import type { Overview, OverviewPeriod } from "../../queries/overview/overview.ts";
import { areAllSandbox, Badge, Change, countText, Moment, moneyText, Origin } from "../components/format.tsx";
import { Empty, Fact, Figure } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { costDaysAddress } from "../cost/days.tsx";
import { whyAddress, whySinceAddress } from "../cost/why-query.ts";
import { severityTones } from "../alerts/page.tsx";
import { plainAmount, receiptLink, signed } from "../receipts/columns.tsx";
import type { Json } from "../shared/json.ts";

export type Shown = Json<Overview>;
type Affiliate = Shown["affiliates"]["items"][number];
type Totals = Shown["periods"][number]["totals"][number];

export const periodNames: Record<OverviewPeriod, { label: string; key: string; than: string }> = {
  today: { label: "Today", key: "t", than: "yesterday" },
  yesterday: { label: "Yesterday", key: "y", than: "the day before" },
  "7d": { label: "7 days", key: "w", than: "the 7 days before" },
  "30d": { label: "30 days", key: "m", than: "the 30 days before" },
};

/** In the heading of a section whose rows a mock vendor made up, all of them: no row repeats it. */
export const SandboxBadge = ({ rows }: { rows: readonly { origin: string }[] }) =>
  areAllSandbox(rows) ? <Origin of="sandbox" /> : null;

type Row = Totals & { span: Shown["periods"][number]; place: string };

const results: readonly [name: "finalCost" | "cpa" | "revenue" | "margin", label: string][] = [
  ["finalCost", "Cost"],
  ["cpa", "CPA"],
  ["revenue", "Revenue"],
  ["margin", "Margin"],
];

interface BesideProps {
  value: string;
  /** What both sums call it. */
  field: string;
  now: string | null;
  before: string | null;
  why?: string;
}

/** A figure over what it changed by. */
function Beside({ value, field, ...change }: BesideProps) {
  return (
    <>
      {value}
      <div class="quiet">
        <Change {...change} of={{ now: `over.${field}`, before: `before.${field}` }} />
      </div>
    </>
  );
}

const textOf = (count: number | null | undefined) => (count == null ? null : String(count));

/** A day that is still running has no change: a part of a day against a whole one. */
const isRunning = (name: OverviewPeriod) => name === "today";

interface Shows<One> {
  why: (row: One) => string | null;
  isCompared: (row: One) => boolean;
  spanOf: (row: One) => Pick<Shown["affiliates"], "over" | "before">;
  whose?: (row: One) => { affiliateId: string | null; affiliate: string };
}

const explainedBy = {
  finalCost: "cost",
  cpa: "cpa",
  revenue: "revenue",
  margin: "margin",
  efConversions: "conversions",
} as const;

function resultColumns<One extends Totals | Affiliate>({ why, isCompared, spanOf, whose }: Shows<One>): Column<One>[] {
  const explained = (name: keyof typeof explainedBy, row: One) => {
    const { over, before } = spanOf(row);
    if (over === null) return {};
    const of = whose === undefined ? {} : { whose: whose(row) };
    return { why: whyAddress({ metric: explainedBy[name], ...over, before, ...of }) };
  };
  const moneys = results.map(([name, label]): Column<One> => ({
    ...{ name, label, kind: "money", value: (row) => row[name], currency: (row) => row.currency, why },
    show: (row) => {
      const value = row[name];
      if (value === null) return undefined;
      if (!isCompared(row)) return moneyText(value, row.currency);
      return (
        <Beside
          value={moneyText(value, row.currency)}
          field={name}
          now={row.over?.[name] ?? null}
          before={row.before?.[name] ?? null}
          {...explained(name, row)}
        />
      );
    },
  }));
  const conversions: Column<One> = {
    ...{ name: "efConversions", label: "Conversions", kind: "count", value: (row) => row.efConversions, why },
    show: (row) => {
      const { efConversions, over, before } = row;
      if (efConversions === null) return undefined;
      if (!isCompared(row)) return countText(efConversions);
      const [now, earlier] = [over, before].map((one) => one?.efConversions ?? null);
      const changed = { now: textOf(now), before: textOf(earlier) };
      return (
        <Beside
          value={countText(efConversions)}
          field="efConversions"
          {...changed}
          {...explained("efConversions", row)}
        />
      );
    },
  };
  const [cost, cpa, ...rest] = moneys as [Column<One>, Column<One>, ...Column<One>[]];
  return [conversions, cost, cpa, ...rest];
}

/** Said where the change is of fewer days than the figure. */
export const comparedWith = ({ to, over }: Pick<Shown["affiliates"], "to" | "over">) =>
  over === null || over.to === to ? null : "change without today, which is not over";

/** In all: four periods, each beside the one before. */
export function Periods({ periods, zone, json }: { periods: Shown["periods"]; zone: string; json: string }) {
  const rows = periods.flatMap((span, index) =>
    span.totals.map((totals, at): Row => ({ ...totals, span, place: `${index}.totals.${at}` })),
  );
  const isOneBadge = areAllSandbox(rows);
  const period: Column<Row> = {
    ...{ name: "period", label: "Period", kind: "text", isLocal: true, value: ({ span }) => span.name },
    show: ({ span, origin, currency }) => (
      <>
        <a href={`/cost?from=${span.from}&to=${span.to}`}>{periodNames[span.name].label}</a>{" "}
        {rows.some((row) => row.span.name === span.name && row.currency !== currency) ? currency : null}{" "}
        {isOneBadge ? null : <Origin of={origin} />}
        <div class="quiet">
          {span.isFinal ? null : <Badge tone="note">not final</Badge>}{" "}
          {span.missingBefore === 0 ? null : `${span.missingBefore} of the days before are missing`}
          {isRunning(span.name) ? "so far; a day that is not over has no change" : comparedWith(span)}
        </div>
      </>
    ),
  };
  return (
    <Table
      columns={[
        period,
        ...resultColumns<Row>({
          why: ({ acrossCurrencies }) =>
            acrossCurrencies ? "spend and results are in several currencies" : "nothing known of it yet",
          isCompared: ({ span }) => !isRunning(span.name),
          spanOf: ({ span }) => span,
        }),
      ]}
      rows={rows}
      zone={zone}
      caption="Results of four periods, each beside the one before it"
      json={{ url: json, path: "periods", indexOf: ({ place }) => place }}
      empty={
        <Empty title="No results yet">
          Conversions and payouts come from Everflow, spend from Redtrack. <a href="/freshness">See what was read</a>,
          and backfill what is missing.
        </Empty>
      }
    />
  );
}

export const affiliateColumns = (span: Shown["affiliates"]): readonly Column<Affiliate>[] => [
  {
    ...{ name: "affiliate", label: "Affiliate", kind: "text", value: ({ affiliate }) => affiliate },
    show: ({ affiliate, affiliateId, isInternal, origin }) => (
      <>
        <a href={costDaysAddress({ affiliateId, affiliate }, span)}>{affiliate}</a>{" "}
        <Badge tone="quiet">{isInternal ? "internal" : "external"}</Badge>{" "}
        {areAllSandbox(span.items) ? null : <Origin of={origin} />}
      </>
    ),
  },
  ...resultColumns<Affiliate>({
    why: ({ note }) => note,
    isCompared: () => !isRunning(span.name),
    spanOf: () => span,
    whose: (row) => row,
  }),
  { name: "currency", label: "Currency", kind: "text", value: ({ currency }) => currency, isExtra: true },
  { name: "note", label: "Note", kind: "text", value: ({ note }) => note, isExtra: true },
];

type RestatedRow = Shown["restated"][number];
const restatedAmount = (name: "before" | "after", label: string): Column<RestatedRow> => ({
  ...{
    name,
    label,
    kind: "money",
    value: (row) => row[name],
    currency: () => "",
    show: (row) => plainAmount(row[name]),
  },
});

/** What is another figure than when this person last looked. */
export function RestatedSince({
  restated,
  since,
  zone,
  json,
}: {
  restated: Shown["restated"];
  since: string;
  zone: string;
  json: string;
}) {
  const columns: readonly Column<RestatedRow>[] = [
    { name: "source", label: "Source", kind: "text", value: ({ source }) => source },
    {
      ...{ name: "day", label: "Day", kind: "day", value: ({ day }) => day },
      show: ({ source, day }) => (
        <a href={`/changes?source=${encodeURIComponent(source)}&day=${day}&since=${encodeURIComponent(since)}`}>
          {day}
        </a>
      ),
    },
    {
      ...{ name: "wasWhole", label: "What", kind: "text", value: ({ wasWhole }) => String(wasWhole) },
      show: ({ wasWhole, origin }) => (
        <>
          <Badge tone={wasWhole ? "warning" : "quiet"}>{wasWhole ? "restated" : "went on"}</Badge>{" "}
          {areAllSandbox(restated) ? null : <Origin of={origin} />}
        </>
      ),
    },
    restatedAmount("before", "Then"),
    restatedAmount("after", "Now"),
    {
      ...{ name: "change", label: "Change", kind: "money", value: ({ change }) => change, currency: () => "" },
      show: ({ change }) => signed(change),
    },
    { name: "rows", label: "Rows", kind: "count", value: ({ rows }) => rows, isExtra: true },
    {
      ...{ name: "receiptId", label: "Receipt", kind: "text", value: ({ receiptId }) => receiptId },
      show: ({ receiptId }) => receiptLink(receiptId),
    },
  ];
  return (
    <section class="panel" aria-labelledby="restated">
      <div class="section-head">
        <h2 id="restated">
          Changed since you last looked <SandboxBadge rows={restated} />
        </h2>
        <span class="quiet">
          since <Moment at={new Date(since)} zone={zone} />
        </span>
        <WhySince restated={restated} since={since} />
      </div>
      <Table
        columns={columns}
        rows={restated}
        zone={zone}
        caption="Days whose total changed since you last looked"
        json={{ url: json, path: "restated" }}
        empty={
          <Empty title="Nothing changed">
            Every day that you saw still has its figures. <a href="/changes">All changes</a>
          </Empty>
        }
      />
      <p class="quiet">Restated: the day was over when you saw it. Went on: it was still running.</p>
    </section>
  );
}

/** Of the days that are another now: what it did to the CPA. */
function WhySince({ restated, since }: { restated: Shown["restated"]; since: string }) {
  const days = restated.map(({ day }) => day).sort();
  const [from, to] = [days[0], days.at(-1)];
  if (from === undefined || to === undefined) return null;
  return <a href={whySinceAddress({ metric: "cpa", from, to, since })}>What it did to the CPA</a>;
}

export function Attention({
  alerts,
  attention,
  zone,
  json,
}: Pick<Shown, "alerts" | "attention"> & { zone: string; json: string }) {
  const fact = (field: string, value: number | string) => ({ json, field, value: String(value) });
  const { high, medium, openDisputes } = attention;
  const open = alerts.critical + alerts.warning + alerts.info;
  return (
    <section class="panel" aria-labelledby="attention">
      <h2 id="attention">Wants a person</h2>
      <div class="cards">
        <Figure
          label="Critical alerts"
          value={countText(alerts.critical)}
          href="/alerts?severity=critical"
          fact={fact("alerts.critical", alerts.critical)}
        />
        <Figure
          label="Warnings"
          value={countText(alerts.warning)}
          href="/alerts?severity=warning"
          fact={fact("alerts.warning", alerts.warning)}
        />
        <Figure
          label="Claims far too high"
          value={countText(high)}
          href="/reconciliation/queue?level=HIGH"
          fact={fact("attention.high", high)}
        />
        <Figure
          label="Claims too high"
          value={countText(medium)}
          href="/reconciliation/queue?level=MEDIUM"
          fact={fact("attention.medium", medium)}
        />
        <Figure
          label="Disputes to settle"
          value={countText(openDisputes)}
          href="/alerts?area=recon&kind=disputed"
          fact={fact("attention.openDisputes", openDisputes)}
        />
      </div>
      {open === 0 ? (
        <Empty title="No open alert">Nothing is wrong that is known of.</Empty>
      ) : (
        <ul class="plain">
          {alerts.latest.map(({ alertId, severity, message, openedAt }, index) => (
            <li key={alertId} class="wrap">
              <Badge tone={severityTones[severity] ?? "quiet"}>{severity}</Badge>{" "}
              <a href={`/alerts#alert-${alertId}`}>
                <Fact of={fact(`alerts.latest.${index}.message`, message)}>{message}</Fact>
              </a>{" "}
              <span class="quiet">
                <Moment at={new Date(openedAt)} zone={zone} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
