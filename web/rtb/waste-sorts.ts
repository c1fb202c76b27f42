import { sortByAny } from "../components/sorted-table.tsx";
import { sizeColumns } from "./size-coverage.tsx";
import { wasteQuery } from "./waste-days.ts";
import { countryColumns, hourColumns, publisherColumns } from "./waste-groups.tsx";

/** What the page and its exports take: the days, the seat, and the order of each table. */
export const sortedWasteQuery = {
  ...wasteQuery,
  sortCountries: sortByAny(countryColumns),
  sortPublishers: sortByAny(publisherColumns),
  sortHours: sortByAny(hourColumns),
  sortSizes: sortByAny(sizeColumns("")),
};
