import { ApiError } from "../../api/server/errors.ts";
import type { Column } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import { jsonAddress } from "../shared/json.ts";
import { download, get } from "../shared/page.tsx";
import { readers, type Web } from "../shared/web.ts";
import { rtb, type Coverage, type Waste } from "./answers.ts";
import { inAnyOrder } from "../components/sorted-table.tsx";
import { askedOf } from "./waste-days.ts";
import { countryColumns, hourColumns, publisherColumns } from "./waste-groups.tsx";
import { sortedWasteQuery } from "./waste-sorts.ts";
import { sizeColumns } from "./size-coverage.tsx";

/** As many countries and publishers as the route answers at most. */
const most = 20_000;

type Row = Omit<Waste["hours"][number], "hour"> & { by: string; of: string; name: string };

const figures = [
  ...(["inventoryMatches", "bidRequests", "successfulResponses", "reachedQueries"] as const),
  ...(["bids", "bidsInAuction", "auctionsWon", "impressions"] as const),
];
const rates = ["calloutRate", "responseRate", "bidRate", "winRate", "wasteRatio", "qps"] as const;

const text = (name: "by" | "of" | "name"): Column<Row> => ({
  name,
  label: name,
  kind: "text",
  value: (row) => row[name],
});
const columns: Column<Row>[] = [
  text("by"),
  text("of"),
  text("name"),
  ...figures.map((name): Column<Row> => ({ name, label: name, kind: "count", value: (row) => row[name] })),
  ...rates.map((name): Column<Row> => ({
    name: `rates.${name}`,
    label: name,
    kind: "ratio",
    value: (row) => row.rates[name],
  })),
  {
    name: "advice",
    label: "advice",
    kind: "text",
    value: ({ advice }) => advice.map((one) => one.text).join("; ") || null,
  },
];

/** Every country, publisher and hour, as the JSON route has them; and the sizes. */
export function wasteExport(web: Web): void {
  download(web, { url: "/waste.csv", who: readers, query: sortedWasteQuery }, async (at) => {
    const url = jsonAddress(`${rtb}/analytics/waste`, { ...askedOf(at), groups: most });
    const { countries, publishers, hours, leftOut } = await get<Waste>(web, at.request, url);
    if (leftOut.countries + leftOut.publishers > 0)
      throw new ApiError(
        "validation_error",
        `the export would have more than ${most.toLocaleString("en-US")} publishers: choose fewer days or one seat, or read rtb.funnel_by in SQL`,
      );
    const { sortCountries, sortPublishers, sortHours } = at.query;
    const rows: Row[] = [
      ...inAnyOrder(countryColumns, countries, sortCountries).map((one) => ({
        ...one,
        by: "country",
        of: one.country ?? "",
        name: "",
      })),
      ...inAnyOrder(publisherColumns, publishers, sortPublishers).map((one) => ({
        ...one,
        by: "publisher",
        of: one.publisherId,
        name: one.publisherName ?? "",
      })),
      ...inAnyOrder(hourColumns, hours, sortHours).map((one) => ({
        ...one,
        by: "hour",
        of: one.hour === null ? "" : String(one.hour),
        name: "",
      })),
    ];
    return { name: "waste.csv", text: toCsv(columns, rows) };
  });
  download(web, { url: "/waste/sizes.csv", who: readers, query: sortedWasteQuery }, async (at) => {
    const url = jsonAddress(`${rtb}/analytics/size-coverage`, askedOf(at));
    const { sizes } = await get<Coverage>(web, at.request, url);
    return {
      name: "size-coverage.csv",
      text: toCsv(sizeColumns(""), inAnyOrder(sizeColumns(""), sizes, at.query.sortSizes)),
    };
  });
}
