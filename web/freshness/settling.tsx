import type { SettlingRow, SettlingSource } from "../../queries/sync/settling.ts";
import { countText, None } from "../components/format.tsx";
import { Empty } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";

export interface Settling {
  sources: SettlingSource[];
  weekdays: SettlingRow[];
}

const weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const ages = [
  ["after1h", "1 h"],
  ["after6h", "6 h"],
  ["after1d", "1 day"],
  ["after2d", "2 days"],
  ["after3d", "3 days"],
  ["after7d", "7 days"],
] as const;

const shares = <Row extends SettlingRow>(): Column<Row>[] => [
  { name: "days", label: "Days", kind: "count", value: ({ days }) => days, isExtra: true },
  ...ages.map(([name, label]): Column<Row> => ({
    ...{ name, label, kind: "percent", value: (row) => row[name], why: () => "not read by then" },
    show: (row) => (row[name] === null ? undefined : `${(row[name] * 100).toFixed(1)} %`),
  })),
];

const weekdayColumns: Column<SettlingRow>[] = [
  { name: "source", label: "Source", kind: "text", value: ({ source }) => source },
  {
    ...{ name: "weekday", label: "Weekday", kind: "text", value: ({ weekday }) => weekday },
    show: ({ weekday }) => weekdays[(weekday ?? 1) - 1],
  },
  ...shares<SettlingRow>(),
];

/** How much of a day is known how soon after its end, and how long it is worth looking back. */
export function SettlingSection({ settling: { sources, weekdays: rows }, json }: { settling: Settling; json: string }) {
  return (
    <section class="panel" aria-labelledby="settling">
      <h2 id="settling">How days settle</h2>
      <p class="quiet">
        The share of a day's final total that was known so long after its end: the middle one of the days of three
        months that are over for a week.
      </p>
      <Table
        columns={[
          { name: "source", label: "Source", kind: "text", value: ({ source }) => source },
          ...shares<SettlingSource>(),
          lookback,
        ]}
        rows={sources}
        zone="UTC"
        caption="How the days of each source settle"
        json={{ url: json, path: "sources" }}
        empty={
          <Empty title="No day has settled yet">
            A day counts when it was read within a day of its end and is over for a week.
          </Empty>
        }
      />
      {rows.length === 0 ? null : (
        <details>
          <summary>By weekday</summary>
          <Table
            columns={weekdayColumns}
            rows={rows}
            zone="UTC"
            caption="How the days of each source settle, by weekday"
            json={{ url: json, path: "weekdays" }}
          />
        </details>
      )}
    </section>
  );
}

const lookback: Column<SettlingSource> = {
  ...{ name: "lookback.days", label: "Lookback to set", kind: "count", value: ({ lookback: { days } }) => days },
  show: ({ source, lookback: { days, of, isCut } }) => {
    if (days === null) return <None why={`too few days to say: ${of}`} />;
    const setting = `${source.toUpperCase().replaceAll(".", "_")}_LOOKBACK_DAYS`;
    return (
      <span title={setting}>
        {countText(days)} {days === 1 ? "day" : "days"}
        {isCut ? " or more: days still changed on the last day that they were looked at" : null}
      </span>
    );
  },
};
