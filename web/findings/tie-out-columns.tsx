import type { z } from "zod";
import type { sentConversion, tieOutDay, tieOutItem } from "../../api/findings/tie-out-shapes.ts";
import type { TieOutDifference } from "../../rules/findings/tie-out.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { Badge, moneyText, Name, None, Origin, type Tone } from "../components/format.tsx";
import type { Column } from "../components/table.tsx";

export type Day = z.infer<typeof tieOutDay>;
export type Item = z.infer<typeof tieOutItem>;
export type Sent = z.infer<typeof sentConversion>;

export const differenceWords: Record<TieOutDifference, { word: string; tone: Tone }> = {
  missing_in_anytrack: { word: "missing in AnyTrack", tone: "bad" },
  missing_in_everflow: { word: "missing in Everflow", tone: "bad" },
  amount_differs: { word: "amounts differ", tone: "warning" },
  refused_by_everflow: { word: "refused by Everflow", tone: "warning" },
};

const notFinal = ({ isFinal }: Day) => (isFinal ? "only of affiliates" : "the day is not final");

const count = (name: keyof Day & string, label: string, more: Partial<Column<Day>> = {}): Column<Day> => ({
  name,
  label,
  kind: "count",
  value: (row) => row[name],
  why: notFinal,
  ...more,
});
const noSource = (row: Day) =>
  row.redtrack === null
    ? "Redtrack has no source of this affiliate, or the day was not read"
    : "the day is not final in both";
const ofNoAffiliate = () => "the source belongs to no affiliate";

/** One badge for all of a list says as much as one for each row. */
export const dayColumns = (isOneBadge = false): readonly Column<Day>[] => [
  {
    name: "date",
    label: "Day",
    kind: "day",
    value: (row) => row.date,
    show: ({ date, isFinal }) => (
      <>
        {date} {isFinal ? null : <Badge tone="quiet">not final</Badge>}
      </>
    ),
  },
  {
    name: "affiliate",
    label: "Affiliate",
    kind: "text",
    value: (row) => row.affiliate,
    show: (row) => (
      <>
        {row.affiliate === null && row.affiliateId === null ? (
          "of no affiliate of Everflow"
        ) : (
          <Name of={row.affiliate ?? row.affiliateId} />
        )}{" "}
        {row.sourceId === null ? null : <a href="/cost/mapping">not mapped</a>}{" "}
        {isOneBadge ? null : <Origin of={row.origin} />}
      </>
    ),
  },
  count("differences", "Differences"),
  count("redtrack", "Redtrack", { why: noSource }),
  count("everflow", "Everflow", { why: ofNoAffiliate }),
  count("anytrack", "AnyTrack", { why: ofNoAffiliate }),
  count("inAll", "In all", { why: noSource, isExtra: true }),
  count("inTwo", "In two", { isExtra: true }),
  count("inOne", "In one", { isExtra: true }),
  count("missingInRedtrack", "Missing in Redtrack", { why: noSource }),
  count("moreInRedtrack", "More in Redtrack", { why: noSource, isExtra: true }),
  count("missingInAnytrack", "Missing in AnyTrack", { isExtra: true }),
  count("missingInEverflow", "Missing in Everflow", { isExtra: true }),
  count("amountDiffers", "Amounts differ", { isFileOnly: true }),
  count("refusedByEverflow", "Refused by Everflow", { isFileOnly: true }),
];

const dayText = (name: keyof Day & string): Column<Day> => ({
  name,
  label: name,
  kind: "text",
  value: (row) => row[name],
});
export const dayFileColumns: readonly Column<Day>[] = [
  ...dayColumns(),
  ...(["affiliateId", "sourceId", "redtrackSources", "isFinal", "redtrackIsFinal"] as const).map(dayText),
  originColumn,
];

const saidBy = (amount: string | null, currency: string | null) =>
  amount === null ? "no amount" : moneyText(amount, currency ?? "");

function Everflow({ of }: { of: Item }) {
  if (of.everflowId === null) return <None why="Everflow does not have it" />;
  const several = of.everflowConversions === null || of.everflowConversions < 2 ? "" : ` in ${of.everflowConversions}`;
  return (
    <>
      <a href={`/conversions/everflow/${encodeURIComponent(of.everflowId)}`}>
        {saidBy(of.everflowRevenue, of.everflowCurrency)}
      </a>
      {several}
    </>
  );
}

function Anytrack({ of }: { of: Item }) {
  if (of.anytrackKey === null) return <None why="AnyTrack does not have it" />;
  return (
    <a href={`/conversions/anytrack/${encodeURIComponent(of.anytrackKey)}`}>
      {saidBy(of.anytrackRevenue, of.anytrackCurrency)}
    </a>
  );
}

const text = (name: keyof Item & string, label: string, more: Partial<Column<Item>> = {}): Column<Item> => ({
  name,
  label,
  kind: "text",
  value: (row) => row[name],
  ...more,
});

export const itemColumns = (isOneBadge = false): readonly Column<Item>[] => [
  { name: "date", label: "Day", kind: "day", value: (row) => row.date },
  text("difference", "Difference", {
    show: ({ difference }) => <Badge tone={differenceWords[difference].tone}>{differenceWords[difference].word}</Badge>,
  }),
  text("affiliate", "Affiliate", {
    show: (row) => (
      <>
        <Name of={row.affiliate ?? row.affiliateId} /> {isOneBadge ? null : <Origin of={row.origin} />}
      </>
    ),
  }),
  text("orderId", "Order", { why: () => "it has no order number", isExtra: true }),
  text("matchedBy", "Met by", { why: () => "one of them does not have it", isExtra: true }),
  moneyIn<Item>((row) => row.everflowCurrency ?? "")("everflowRevenue", "Everflow says", (row) => row.everflowRevenue, {
    show: (row) => <Everflow of={row} />,
  }),
  moneyIn<Item>((row) => row.anytrackCurrency ?? "")("anytrackRevenue", "AnyTrack says", (row) => row.anytrackRevenue, {
    show: (row) => <Anytrack of={row} />,
  }),
  moneyIn<Item>((row) => row.currency ?? "")("atStake", "At stake", (row) => row.atStake, {
    why: ({ difference }) => (difference === "amount_differs" ? "in two currencies" : "no amount was sent"),
    isExtra: true,
  }),
  text("whyNot", "Send again", {
    isLong: true,
    isExtra: true,
    show: (row) => (row.canSend ? <Badge tone="good">can be sent</Badge> : <Name of={row.whyNot ?? ""} />),
  }),
];

const fileOnly = [
  "item",
  "affiliateId",
  "everflowId",
  "everflowStatus",
  "everflowCurrency",
  "everflowSaleAmount",
  "everflowPayout",
  "everflowConversions",
  "anytrackKey",
  "anytrackDate",
  "anytrackType",
  "anytrackSource",
  "anytrackCurrency",
  "clickId",
  "currency",
  "canSend",
] as const;
export const itemFileColumns: readonly Column<Item>[] = [
  ...itemColumns(),
  ...fileOnly.map((name) => text(name, name)),
  originColumn,
];

export const sentColumns: readonly Column<Sent>[] = [
  { name: "orderId", label: "Order", kind: "text", value: (row) => row.orderId },
  {
    name: "everflowId",
    label: "In Everflow",
    kind: "text",
    value: (row) => row.everflowId,
    show: ({ everflowId }) => (
      <a href={`/conversions/everflow/${encodeURIComponent(everflowId)}`}>{everflowId.slice(0, 12)}…</a>
    ),
    isExtra: true,
  },
  { name: "clickId", label: "Click", kind: "text", value: (row) => row.clickId, isExtra: true },
  moneyIn<Sent>((row) => row.currency)("revenue", "Amount", (row) => row.revenue),
  { name: "eventTime", label: "When it happened", kind: "moment", value: (row) => new Date(row.eventTime) },
];
