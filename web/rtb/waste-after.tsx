import { None, Name } from "../components/format.tsx";
import { Table, type Column } from "../components/table.tsx";
import type { Waste } from "./answers.ts";
import { FirstRows } from "./first-rows.tsx";
import { countryName } from "./marks.tsx";
import { findingColumn, type Part } from "./waste-groups.tsx";

const inSight = 12;

/** What a size counts as, without repeating it: (Medium Rectangle) beside 300x250. */
function countedAs(size: string, canonical: string | null): string {
  if (canonical === null || canonical.toLowerCase() === size) return "";
  return canonical.startsWith(`${size} `) ? canonical.slice(size.length + 1) : canonical.replace(` (${size})`, "");
}

const qualityColumns: Column<Waste["quality"][number]>[] = [
  {
    name: "size",
    label: "Size",
    kind: "text",
    value: (row) => row.size,
    show: ({ size, canonical }) =>
      size === null ? (
        <None why="the report does not say" />
      ) : (
        <>
          <Name of={size} /> <span class="quiet">{countedAs(size, canonical)}</span>
        </>
      ),
  },
  { name: "impressions", label: "Impressions", kind: "count", value: (row) => row.impressions },
  { name: "measurable", label: "Measurable", kind: "count", value: (row) => row.measurable, isExtra: true },
  { name: "viewable", label: "Viewable", kind: "count", value: (row) => row.viewable, isExtra: true },
  { name: "viewability", label: "Viewability", kind: "percent", value: (row) => row.viewability },
  {
    name: "invalidShare",
    label: "Invalid",
    kind: "percent",
    value: (row) => row.invalidShare,
    why: () => "the report has no column of invalid traffic",
  },
  findingColumn,
];

const filteringColumns: Column<Waste["filtering"][number]>[] = [
  { name: "reason", label: "Why a bid did not take part", kind: "text", isLong: true, value: (row) => row.reason },
  { name: "bids", label: "Bids", kind: "count", value: (row) => row.bids },
  { name: "share", label: "Share", kind: "percent", value: (row) => row.share },
];

const invalidColumns: Column<Waste["invalid"][number]>[] = [
  {
    name: "of",
    label: "Where",
    kind: "text",
    value: (row) => row.of,
    show: ({ by, of, name }) =>
      of === null ? (
        <None why="the report does not say" />
      ) : (
        <>
          <Name of={by === "country" ? countryName(of) : (name ?? of)} /> <span class="quiet">{by}</span>
        </>
      ),
  },
  { name: "impressions", label: "Impressions", kind: "count", value: (row) => row.impressions },
  { name: "invalid", label: "Invalid", kind: "count", value: (row) => row.invalid },
  {
    name: "invalidShare",
    label: "Share",
    kind: "percent",
    value: (row) => row.invalidShare,
    why: () => "the report has no impressions",
  },
  { name: "prefiltered", label: "Pre-filtered", kind: "count", value: (row) => row.prefiltered, isExtra: true },
  { name: "billed", label: "Billed", kind: "count", value: (row) => row.billed, isExtra: true },
  findingColumn,
];

/** What became of bids and impressions: no waste of requests, and never added to it. */
export function AfterBidding({ of: { quality, filtering, invalid }, json, zone }: Part) {
  return (
    <>
      {quality.length === 0 ? null : (
        <section aria-labelledby="quality">
          <h2 id="quality">What was seen, by size</h2>
          <FirstRows
            columns={qualityColumns}
            rows={quality}
            first={inSight}
            caption="Viewability and invalid traffic by size"
            zone={zone}
            json={{ url: json, path: "quality" }}
          />
        </section>
      )}
      {invalid.length === 0 ? null : (
        <section aria-labelledby="invalid">
          <h2 id="invalid">Invalid traffic</h2>
          <FirstRows
            columns={invalidColumns}
            rows={invalid}
            first={inSight}
            caption="Invalid traffic by publisher and country"
            zone={zone}
            json={{ url: json, path: "invalid" }}
          />
        </section>
      )}
      {filtering.length === 0 ? null : (
        <section aria-labelledby="filtering">
          <h2 id="filtering">Bids that were filtered</h2>
          <Table
            columns={filteringColumns}
            rows={filtering}
            caption="Bids that were filtered, by reason"
            zone={zone}
            json={{ url: json, path: "filtering" }}
          />
        </section>
      )}
    </>
  );
}
