import type { CampaignSpend, DaySpend, SourceSpend } from "../../queries/cost/spend.ts";
import type { ComparedDays } from "../../core/days.ts";
import type { PaceHour } from "../../rules/cost/pace.ts";
import { moneyIn } from "../components/columns.ts";
import { ShareBar } from "../components/charts.tsx";
import { Change, moneyText, Name, None, Origin } from "../components/format.tsx";
import { StateBadge } from "../components/state.tsx";
import type { Column } from "../components/table.tsx";
import { whyAddress } from "../cost/why-query.ts";

/** An address of this page with other filters. */
export type To = (changed: Record<string, string | null>) => string;

interface Of {
  currency: string;
  to: To;
  /** Only the day that is not over: its sources are not compared with a whole day. */
  isRunning?: boolean;
  /** The days whose change is shown, and those before; null where none is over. */
  compared?: ComparedDays | null;
}

const money = <Row,>(currency: string) => moneyIn<Row>(currency, { isSortable: true });

const count = <Row,>(name: string, label: string, value: (row: Row) => number | null): Column<Row> => ({
  name,
  label,
  kind: "count",
  value,
  isSortable: true,
  isExtra: true,
});

/** Against the days before, with the way to why it changed. */
function changeOf(
  { isRunning = false, compared = null }: Of,
  { costOver, costOverBefore }: Pick<SourceSpend, "costOver" | "costOverBefore">,
  whose: { sourceId: string } | { campaignId: string },
) {
  if (isRunning) return <None why="the day is not over" />;
  return (
    <Change
      now={costOver ?? "0"}
      before={costOverBefore}
      of={{ now: "costOver", before: "costOverBefore" }}
      {...(compared === null ? {} : { why: whyAddress({ metric: "cost", ...compared, whose }) })}
    />
  );
}

export function sourceColumns(of: Of, most = 0): readonly Column<SourceSpend>[] {
  const { currency, to } = of;
  const amount = money<SourceSpend>(currency);
  return [
    {
      name: "sourceName",
      label: "Source",
      kind: "text",
      value: ({ sourceName }) => sourceName,
      isSortable: true,
      show: ({ sourceId, sourceName }) => (
        <a href={to({ by: "day", sourceId, sort: null })}>{sourceName ?? sourceId}</a>
      ),
    },
    amount("cost", "Spend", ({ cost }) => cost, { why: () => "no spend in these days" }),
    {
      name: "share",
      label: "",
      kind: "text",
      value: () => null,
      isLocal: true,
      isExtra: true,
      show: ({ cost }) =>
        cost === null ? null : (
          <ShareBar share={Number(cost) / most} label={`${moneyText(cost, currency)} of the most`} />
        ),
    },
    amount("costBefore", "Days before", ({ costBefore }) => costBefore, { isExtra: true, why: () => "no spend then" }),
    {
      name: "change",
      label: "Change",
      kind: "text",
      value: () => null,
      isLocal: true,
      show: (row) => changeOf(of, row, { sourceId: row.sourceId }),
    },
    count("clicks", "Clicks", ({ clicks }) => clicks),
    count("conversions", "Conversions", ({ conversions }) => conversions),
    amount("revenue", "Revenue", ({ revenue }) => revenue, { isExtra: true }),
    { name: "sourceId", label: "Id", kind: "text", value: ({ sourceId }) => sourceId, isExtra: true },
  ];
}

/** As Redtrack calls its campaigns: each with the sources that spent for it. */
export function campaignColumns(of: Of): readonly Column<CampaignSpend>[] {
  const { currency, to } = of;
  const amount = money<CampaignSpend>(currency);
  return [
    {
      ...{ name: "campaignName", label: "Campaign", kind: "text", isSortable: true },
      value: ({ campaignName }) => campaignName,
      show: ({ campaignId, campaignName }) => (
        <a href={to({ campaignId, sort: null })}>
          <Name of={campaignName ?? campaignId} />
        </a>
      ),
    },
    {
      ...{ name: "sourceName", label: "Source", kind: "text", isSortable: true },
      value: ({ sourceName }) => sourceName,
      show: ({ sourceId, sourceName }) =>
        sourceId === "none" ? (
          <None why="traffic without a source" />
        ) : (
          <a href={to({ by: "day", sourceId, campaignId: null, sort: null })}>
            <Name of={sourceName ?? sourceId} />
          </a>
        ),
    },
    amount("cost", "Spend", ({ cost }) => cost, { why: () => "no spend in these days" }),
    amount("costBefore", "Days before", ({ costBefore }) => costBefore, { isExtra: true, why: () => "no spend then" }),
    {
      ...{ name: "change", label: "Change", kind: "text", isLocal: true, value: () => null },
      show: (row) => changeOf(of, row, { campaignId: row.campaignId }),
    },
    count("clicks", "Clicks", ({ clicks }) => clicks),
    count("conversions", "Conversions", ({ conversions }) => conversions),
    amount("revenue", "Revenue", ({ revenue }) => revenue, { isExtra: true }),
    { name: "campaignId", label: "Id", kind: "text", value: ({ campaignId }) => campaignId, isExtra: true },
  ];
}

export function dayColumns({ currency, to }: Of, isOfSource: boolean): readonly Column<DaySpend>[] {
  const amount = money<DaySpend>(currency);
  return [
    {
      name: "date",
      label: "Day",
      kind: "day",
      value: ({ date }) => date,
      isSortable: true,
      show: ({ date }) => (
        <a href={to({ by: "source", from: date, to: date, period: null, sourceId: null, sort: null })}>{date}</a>
      ),
    },
    amount("cost", "Spend", ({ cost }) => cost, {
      why: ({ state }) => (state === "missing" ? "never fetched" : state === "final" ? "no spend" : "nothing loaded"),
    }),
    {
      name: "state",
      label: "State",
      kind: "text",
      value: ({ state }) => state,
      show: ({ state, origin }) => (
        <>
          <StateBadge state={state} /> <Origin of={origin} />
        </>
      ),
    },
    amount("restated", "Restated", ({ restated }) => restated, {
      why: () => (isOfSource ? "of the whole day only" : "not read after its end yet"),
      show: ({ date, restated }) =>
        restated === null || Number(restated) === 0 ? undefined : (
          <a href={`/changes?source=redtrack.daily_spend&day=${date}`}>
            {Number(restated) > 0 ? "+" : ""}
            {moneyText(restated, currency)}
          </a>
        ),
    }),
    count("clicks", "Clicks", ({ clicks }) => clicks),
    count("conversions", "Conversions", ({ conversions }) => conversions),
    amount("revenue", "Revenue", ({ revenue }) => revenue, { isExtra: true }),
    count("sources", "Sources", ({ sources }) => sources),
    receipt(({ receiptId }) => receiptId),
    { name: "loadedAt", label: "Loaded", kind: "moment", value: ({ loadedAt }) => loadedAt, isExtra: true },
  ];
}

export function hourColumns({ currency }: Pick<Of, "currency">): readonly Column<PaceHour>[] {
  const amount = money<PaceHour>(currency);
  const why = () => "not read around this time";
  return [
    {
      name: "hour",
      label: "Hour",
      kind: "text",
      value: ({ hour }) => hour,
      show: ({ hour, time }) => (time === null ? hourName(hour) : timeName(time)),
    },
    amount("cost", "Spend so far", ({ cost }) => cost, { isSortable: false, why }),
    amount("dayBefore", "Day before", ({ dayBefore }) => dayBefore, { isSortable: false, why }),
    amount("median", "Median weekday", ({ median }) => median, { isSortable: false, why }),
    {
      name: "medianOf",
      label: "Of weekdays",
      kind: "count",
      value: ({ medianOf }) => medianOf,
      isExtra: true,
    },
    receipt(({ receiptId }) => receiptId),
  ];
}

export const hourName = (hour: number) => (hour === 24 ? "whole day" : `${String(hour).padStart(2, "0")}:00`);

/** A time of a day's own clock; what was read after its end is the whole of it. */
export const timeName = (time: string) => (time === "24:00" ? "whole day" : time);

function receipt<Row>(value: (row: Row) => number | null): Column<Row> {
  return {
    name: "receiptId",
    label: "Receipt",
    kind: "text",
    value,
    why: () => "nothing was loaded",
    show: (row) => {
      const id = value(row);
      return id === null ? undefined : <a href={`/receipts/${id}`}>{`#${id}`}</a>;
    },
  };
}
