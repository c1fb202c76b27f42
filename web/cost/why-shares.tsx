import type { PartName, Share as Asked } from "../../rules/cost/why.ts";
import { signed } from "../../rules/cost/why-words.ts";
import { countText, moneyText, Name } from "../components/format.tsx";
import type { Column } from "../components/table.tsx";
import { jsonAddress } from "../shared/json.ts";
import { costDaysAddress } from "./days.tsx";
import type { AskedWhy } from "./why-query.ts";

interface Side {
  clicks: number;
  conversions: number;
  cost: string;
  revenue: string;
}
export type Share = Omit<Asked, "before" | "after"> & { before: Side; after: Side };

interface Of {
  asked: AskedWhy;
  currency: string;
  /** Left out for the export, which has the rows of all parts. */
  part?: PartName;
}

/** The rows of a part: days of what restated or is not final; affiliates, sources and offers of the rest. */
export function shareColumns({ asked, currency, part }: Of): readonly Column<Share>[] {
  const isOfDays = part === undefined || part === "restatement" || part === "lateness";
  const isOfLeaves = part === undefined || !isOfDays;
  const days: Column<Share>[] = [
    {
      ...{ name: "date", label: "Day", kind: "day", value: ({ date }) => date },
      show: ({ date }) => (date === null ? undefined : <a href={`/freshness?from=${date}&to=${date}`}>{date}</a>),
    },
    {
      ...{ name: "isOfAfter", label: "Period", kind: "text", value: ({ isOfAfter }) => isOfAfter },
      show: ({ isOfAfter }) => (isOfAfter === null ? undefined : isOfAfter ? "now" : "before"),
    },
  ];
  const leaves: Column<Share>[] = [
    {
      ...{ name: "affiliate", label: "Affiliate", kind: "text", value: ({ affiliate }) => affiliate },
      show: (share) => <AffiliateLink share={share} asked={asked} />,
    },
    {
      ...{ name: "leafName", label: "Source or offer", kind: "text", value: ({ leafName, leaf }) => leafName ?? leaf },
      show: (share) => <LeafLink share={share} asked={asked} />,
    },
  ];
  const changes: Column<Share> = {
    ...{ name: "changes", label: "Changes", kind: "text", isLocal: true, value: () => null },
    show: ({ date }) => (date === null ? undefined : <ChangeLinks day={date} asked={asked} />),
  };
  return [
    ...(isOfDays ? days : []),
    ...(isOfLeaves ? leaves : []),
    {
      ...{ name: "amount", label: "Share", kind: "money", value: ({ amount }) => amount },
      show: ({ amount }) =>
        signed(amount).slice(0, 1) +
        (asked.metric === "conversions"
          ? countText(amount.replace("-", ""))
          : moneyText(amount.replace("-", ""), currency)),
    },
    ...(part === "restatement" && asked.since === undefined ? restatedColumns(currency) : sideColumns(currency)),
    ...(part === "restatement" ? [changes] : []),
  ];
}

const sides = [
  ["before", "before"],
  ["after", "now"],
] as const;

/** What the row was and what it is: a figure over what it was before. */
function sideColumns(currency: string): Column<Share>[] {
  const count = (name: "clicks" | "conversions", label: string): Column<Share>[] =>
    sides.map(([side, when]) => ({
      ...{ name: `${side}.${name}`, label: `${label}, ${when}`, kind: "count", isExtra: name === "clicks" },
      value: (share) => share[side][name],
    }));
  const amount = (name: "cost" | "revenue", label: string): Column<Share>[] =>
    sides.map(([side, when]) => ({
      ...{ name: `${side}.${name}`, label: `${label}, ${when}`, kind: "money", isExtra: name === "revenue" },
      ...{ value: (share) => share[side][name], currency: () => currency },
    }));
  return [
    ...count("clicks", "Clicks"),
    ...count("conversions", "Conversions"),
    ...amount("cost", "Cost"),
    ...amount("revenue", "Revenue"),
  ];
}

/** Between two periods a restated day is of one of them, and has what it was changed by: not what it was and is. */
function restatedColumns(currency: string): Column<Share>[] {
  return sideColumns(currency).map((column) => ({
    ...column,
    label: column.label.replace(",", " ±,"),
    show: (share) => {
      const value = column.value(share);
      if (value === null || Number(value) === 0) return <span class="quiet">0</span>;
      const [sign, size] = [Number(value) < 0 ? "−" : "+", String(value).replace("-", "")];
      return `${sign}${column.kind === "money" ? moneyText(size, currency) : countText(size)}`;
    },
  }));
}

function AffiliateLink({ share: { affiliateId, affiliate }, asked }: { share: Share; asked: AskedWhy }) {
  if (affiliate === null) return null;
  return (
    <>
      <a href={costDaysAddress({ affiliateId, affiliate }, asked.period)}>
        <Name of={affiliate} />
      </a>{" "}
      {affiliateId === null ? null : (
        <a
          class="cell"
          href={`/statements/affiliates/${encodeURIComponent(affiliateId)}`}
          aria-label={`Payouts of ${affiliate}`}
        >
          payouts
        </a>
      )}
    </>
  );
}

function LeafLink({
  share: { leaf, leafName, basis },
  asked: { period, campaignId },
}: {
  share: Share;
  asked: AskedWhy;
}) {
  if (leaf === null) return basis === "results" ? <>results</> : <>all</>;
  const name = leafName ?? leaf;
  if (basis === "payout") return <Name of={name} />;
  if (campaignId !== undefined)
    return (
      <a href={jsonAddress("/spend", { by: "campaign", campaignId, from: period.from, to: period.to })}>
        {leaf === "none" ? "no source" : <Name of={name} />}
      </a>
    );
  return (
    <a href={jsonAddress("/spend", { by: "day", sourceId: leaf, from: period.from, to: period.to })}>
      <Name of={name} />
    </a>
  );
}

const feeds = [
  ["everflow.daily_stats", "Everflow"],
  ["redtrack.daily_spend", "Redtrack"],
] as const;

const campaignFeeds = [["redtrack.campaign_spend", "Redtrack"]] as const;

/** What the ledger has of the day: both feeds, for a cost is of one and conversions are of the other. */
function ChangeLinks({ day, asked: { since, campaignId } }: { day: string; asked: AskedWhy }) {
  return (
    <>
      {(campaignId === undefined ? feeds : campaignFeeds).map(([source, label]) => (
        <>
          <a
            class="cell"
            href={jsonAddress("/changes", { source, day, since })}
            aria-label={`Changes of ${source} ${day}`}
          >
            {label}
          </a>{" "}
        </>
      ))}
    </>
  );
}
