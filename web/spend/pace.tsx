import type { SpendCalendar } from "../../queries/cost/spend.ts";
import type { PaceHour } from "../../rules/cost/pace.ts";
import { LineChart } from "../components/charts.tsx";
import { Change, moneyText } from "../components/format.tsx";
import { Empty, Fact, factsOf } from "../components/parts.tsx";
import { hourName, timeName } from "./columns.tsx";

export const lastRead = (pace: readonly PaceHour[]) => pace.findLast(({ cost }) => cost !== null);

/** A running day beside the one before it, both in the hour in which it was last read. */
export function ByNow({ last }: { last: PaceHour | undefined }) {
  if (last === undefined) return <>not read yet</>;
  const by = timeName(last.time ?? hourName(last.hour));
  const than = `the day before by ${by}`;
  if (last.dayBefore === null) return <>by {by}; not over, and the day before was not read around this time</>;
  return (
    <>
      <Change now={last.cost} before={last.dayBefore} than={than} />; the day is not over
    </>
  );
}

interface PaceProps {
  pace: readonly PaceHour[];
  calendar: SpendCalendar;
  day: string;
  json: string;
}

export function Pace({ pace, calendar, day, json }: PaceProps) {
  const text = (amount: number) => moneyText(String(amount), calendar.currency);
  const line = (name: string, field: "cost" | "dayBefore" | "median") => {
    const values = pace.map((hour) => hour[field]);
    const points = values.map((value) => (value === null ? null : Number(value)));
    return { name, text, points, said: { field, values } };
  };
  const last = lastRead(pace);
  const beside = (before: "dayBefore" | "median") => {
    const place = `items.${pace.findLastIndex(({ cost }) => cost !== null)}`;
    return { json, now: `${place}.cost`, before: `${place}.${before}` };
  };
  if (last === undefined || pace.length < 2)
    return (
      <Empty title={`${day} was not read hour by hour`}>
        The course of a day is known when it was read while it ran. <a href="/freshness">See what was read when</a>.
      </Empty>
    );
  return (
    <LineChart
      id="pace-chart"
      finding={
        <>
          <Fact of={factsOf(json)(`items.${pace.indexOf(last)}.cost`, last.cost)}>
            {moneyText(last.cost ?? "0", calendar.currency)}
          </Fact>{" "}
          by {timeName(last.time ?? hourName(last.hour))}
          {last.dayBefore === null ? (
            "; the day before was not read around this time"
          ) : (
            <>
              : <Change now={last.cost} before={last.dayBefore} than="the day before" of={beside("dayBefore")} />
            </>
          )}
          {last.median === null ? null : (
            <>
              ,{" "}
              <Change
                now={last.cost}
                before={last.median}
                than={`the median of ${last.medianOf} same weekdays`}
                of={beside("median")}
              />
            </>
          )}
          .
        </>
      }
      labelName="Hour"
      labels={pace.map(({ hour }) => hourName(hour))}
      axisText={(amount) => text(amount).replace(/\.00$/, "")}
      series={[
        line(day, "cost"),
        line("Day before", "dayBefore"),
        line("Median of the last four same weekdays", "median"),
      ]}
      json={{ url: json, path: "items" }}
    />
  );
}
