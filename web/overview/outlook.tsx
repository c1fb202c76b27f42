import type { Outlook } from "../../queries/cost/outlook.ts";
import { areAllSandbox, countText, moneyText, None, Origin } from "../components/format.tsx";
import { Empty } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { metricWords } from "../../rules/cost/why-words.ts";

/** Where today and yesterday will end, by what days of the same age went on to. */
export function OutlookSection({ items, today, json }: { items: readonly Outlook[]; today: string; json: string }) {
  const text = ({ metric, currency }: Outlook, value: string) =>
    metric === "conversions" ? countText(value) : moneyText(value, currency);
  const amount = (name: "known" | "low" | "high", label: string): Column<Outlook> => ({
    ...{ name, label, kind: "money", value: (row) => row[name], why: ({ note }) => note },
    show: (row) => (row[name] === null ? undefined : text(row, row[name])),
  });
  const columns: Column<Outlook>[] = [
    {
      ...{ name: "day", label: "Day", kind: "day", value: ({ day }) => day },
      show: ({ day, currency, origin }) => (
        <>
          {day === today ? "Today" : "Yesterday"} {currency} {areAllSandbox(items) ? null : <Origin of={origin} />}
        </>
      ),
    },
    {
      ...{ name: "metric", label: "Figure", kind: "text", value: ({ metric }) => metric },
      show: ({ metric }) => metricWords[metric],
    },
    amount("known", "So far"),
    amount("low", "Ends between"),
    amount("high", "and"),
    {
      ...{ name: "finalInDays", label: "Final in", kind: "count", value: ({ finalInDays }) => finalInDays },
      why: () => "too few days have settled to say",
      show: ({ finalInDays }) =>
        finalInDays === null
          ? undefined
          : finalInDays === 0
            ? "now"
            : `${finalInDays} ${finalInDays === 1 ? "day" : "days"}`,
    },
    {
      ...{ name: "hits", label: "Held", kind: "count", isExtra: true, value: ({ hits }) => hits },
      show: ({ hits, tried, days, note }) =>
        tried === 0 ? <None why={note ?? `too few days to try it: ${days}`} /> : `${hits} of ${tried} days`,
    },
  ];
  return (
    <section aria-labelledby="outlook">
      <div class="section-head">
        <h2 id="outlook">Where these days end</h2>
        <a href="/freshness#settling">How days settle</a>
      </div>
      <p class="quiet">
        Four of five past days that were read at the same age ended within this range. Held: on how many of them the
        range of the days before would have been right.
      </p>
      <Table
        columns={columns}
        rows={items}
        zone="UTC"
        caption="Figures of today and yesterday, and where such days ended"
        json={{ url: json, path: "items" }}
        empty={
          <Empty title="Nothing is known of today and yesterday yet">Their figures come with the first reading.</Empty>
        }
      />
    </section>
  );
}
