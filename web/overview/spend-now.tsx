import { moneyIn } from "../components/columns.ts";
import { Sparkline } from "../components/charts.tsx";
import { Change, moneyText, None } from "../components/format.tsx";
import { Empty, Figure } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { receiptLink } from "../receipts/columns.tsx";
import { timeName } from "../spend/columns.tsx";
import type { Shown } from "./sections.tsx";

/** Spend so far, beside yesterday at this hour and the same weekday of last week. */
export function SpendNow({ spend, json }: { spend: Shown["spend"]; json: string }) {
  const { day, dayBefore, weekBefore, currency, sources } = spend;
  const fact = (name: "day" | "dayBefore" | "weekBefore") => ({
    json,
    field: `spend.${name}.total`,
    value: spend[name].total ?? "",
  });
  if (day.total === null && sources.length === 0)
    return (
      <Empty title="No spend was read today yet">
        Redtrack is read every hour from 07:00 to 23:00 of its day. <a href="/freshness">Sync it now</a>, or{" "}
        <a href="/spend?period=yesterday">look at yesterday</a>.
      </Empty>
    );
  const amount = (total: string | null) =>
    total === null ? <None why={`the day was not read ${byTime(day.time)}`} /> : moneyText(total, currency);
  return (
    <>
      <div class="cards">
        <Figure label="Today so far" value={amount(day.total)} fact={fact("day")} href="/spend?period=today&by=hour">
          {day.time === null ? (
            "not read yet"
          ) : (
            <>
              by {timeName(day.time)}, receipt {receiptLink(day.receiptId)}; not final
            </>
          )}
        </Figure>
        {(["dayBefore", "weekBefore"] as const).map((name) => {
          const { date, time, total, receiptId, between } = spend[name];
          return (
            <Figure
              key={name}
              label={`${name === "dayBefore" ? "Yesterday" : "Same weekday last week"} at this hour`}
              value={amount(total)}
              fact={fact(name)}
              href={`/spend?from=${date}&to=${date}&by=hour`}
            >
              {time === null ? (
                `${date} was not read ${byTime(day.time)}`
              ) : (
                <>
                  {date} by {timeName(time)}
                  {between === null ? null : `, between its readings of ${between.map(timeName).join(" and ")}`},
                  receipt {receiptLink(receiptId)}; today is{" "}
                  <Change
                    now={day.total}
                    before={total}
                    of={{ json, now: "spend.day.total", before: `spend.${name}.total` }}
                  />
                </>
              )}
            </Figure>
          );
        })}
      </div>
      <Table
        columns={sourceColumns(spend)}
        rows={sources}
        zone={spend.timezone}
        caption={`Spend per source on ${day.date}, beside ${dayBefore.date} and ${weekBefore.date}, all ${byTime(day.time)}`}
        json={{ url: json, path: "spend.sources" }}
      />
    </>
  );
}

const byTime = (time: string | null) => (time === null ? "yet" : `by ${timeName(time)}`);
const named = (name: string, time: string | null) => (time === null ? name : `${name} ${byTime(time)}`);

type Source = Shown["spend"]["sources"][number];

/** The course in words, for those who do not see it. */
function courseText(name: string, course: readonly (string | null)[], currency: string): string {
  const known = course.filter((cost) => cost !== null).map(Number);
  if (known.length === 0) return `${name}: nothing is known of the days before`;
  const [low, high] = [Math.min(...known), Math.max(...known)].map((cost) => moneyText(String(cost), currency));
  return `${name}: between ${low} and ${high} a day in the ${course.length} days before`;
}

function sourceColumns({ currency, day }: Shown["spend"]): readonly Column<Source>[] {
  const money = moneyIn<Source>(currency, { why: () => `the day was not read ${byTime(day.time)}` });
  const change = (name: "dayBefore" | "weekBefore", label: string): Column<Source> => ({
    name: `${name}Change`,
    label,
    kind: "text",
    value: () => null,
    isLocal: true,
    isExtra: name === "weekBefore",
    show: (row) => <Change now={row.cost} before={row[name]} of={{ now: "cost", before: name }} />,
  });
  return [
    {
      name: "sourceName",
      label: "Source",
      kind: "text",
      value: ({ sourceName }) => sourceName,
      show: ({ sourceId, sourceName }) => (
        <a href={`/spend?period=7d&by=day&sourceId=${encodeURIComponent(sourceId)}`}>{sourceName ?? sourceId}</a>
      ),
    },
    {
      name: "course",
      label: "14 days",
      kind: "text",
      value: () => null,
      isLocal: true,
      isExtra: true,
      show: ({ sourceName, sourceId, course }) => (
        <Sparkline
          points={course.map((cost) => (cost === null ? null : Number(cost)))}
          label={courseText(sourceName ?? sourceId, course, currency)}
        />
      ),
    },
    money("cost", named("Today", day.time), (row) => row.cost),
    money("dayBefore", named("Yesterday", day.time), (row) => row.dayBefore),
    change("dayBefore", "Change"),
    { ...money("weekBefore", named("Week ago", day.time), (row) => row.weekBefore), isExtra: true },
    change("weekBefore", "Change"),
  ];
}
