import { None, Name } from "../components/format.tsx";
import type { Column } from "../components/table.tsx";
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

interface SectionProps<Row> extends Pick<Part, "json" | "zone"> {
  /** Where its JSON route has the rows; the section's own name, too. */
  path: keyof Waste & string;
  title: string;
  caption: string;
  columns: Column<Row>[];
  rows: readonly Row[];
}

/** A report's table with its heading; nothing where the report has not come. */
function Section<Row>({ path, title, json, ...table }: SectionProps<Row>) {
  if (table.rows.length === 0) return null;
  return (
    <section aria-labelledby={path}>
      <h2 id={path}>{title}</h2>
      <FirstRows {...table} first={inSight} json={{ url: json, path }} />
    </section>
  );
}

/** What became of bids and impressions: no waste of requests, and never added to it. */
export function AfterBidding({ of: { quality, filtering, invalid }, json, zone }: Part) {
  const shared = { json, zone };
  return (
    <>
      <Section
        {...{ path: "quality", title: "What was seen, by size", columns: qualityColumns, rows: quality, ...shared }}
        caption="Viewability and invalid traffic by size"
      />
      <Section
        {...{ path: "invalid", title: "Invalid traffic", columns: invalidColumns, rows: invalid, ...shared }}
        caption="Invalid traffic by publisher and country"
      />
      <Section
        {...{
          path: "filtering",
          title: "Bids that were filtered",
          columns: filteringColumns,
          rows: filtering,
          ...shared,
        }}
        caption="Bids that were filtered, by reason"
      />
    </>
  );
}
