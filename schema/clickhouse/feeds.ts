import { getTableColumns } from "drizzle-orm";
import { getTableConfig, type PgTable } from "drizzle-orm/pg-core";
import { conversions, dailyStats } from "../everflow.ts";
import { promoClickDays } from "../promo-sums.ts";
import { promoPerformanceMetrics } from "../promo.ts";
import { dailySpend } from "../redtrack.ts";
import { performanceMetrics } from "../rtb.ts";
import {
  reportBids,
  reportCountries,
  reportFiltering,
  reportInvalid,
  reportPublishers,
  reportQuality,
  rtbTraffic,
} from "../rtb-reports.ts";

export interface MirroredColumn {
  name: string;
  /** As Postgres calls its type. */
  type: string;
  isNullable: boolean;
  isKey: boolean;
  /** Its sum is compared on both sides. */
  isSummed: boolean;
}

/** A table whose days are mirrored. */
export interface Feed {
  name: string;
  /** In Postgres. */
  table: string;
  /** What a day is: the column of it. */
  day: "date" | "_slice";
  columns: readonly MirroredColumn[];
}

interface Mirrored {
  day?: "_slice";
  /** Columns that stay in Postgres. */
  without?: readonly string[];
}

/** Where a row came from is a question for Postgres. */
const inner = ["_client_id", "_slice", "_loaded_at", "_run_id", "_file_id", "_line", "_grain", "_extra"];
const counted = /^(bigint|numeric|integer\[\])/;

function mirrored(name: string, table: PgTable, { day, without = [] }: Mirrored = {}): Feed {
  const { name: tableName, schema = "public", primaryKeys } = getTableConfig(table);
  const key = new Set(primaryKeys.flatMap(({ columns }) => columns.map((column) => column.name)));
  return {
    name,
    table: `${schema}.${tableName}`,
    day: day ?? "date",
    columns: Object.values(getTableColumns(table))
      .filter((column) => ![...inner, ...without].includes(column.name))
      .map((column) => ({
        name: column.name,
        type: column.getSQLType(),
        isNullable: !column.notNull,
        isKey: key.has(column.name),
        isSummed: !key.has(column.name) && counted.test(column.getSQLType()),
      })),
  };
}

/** What leads to a person or to one click is not needed for any sum, and stays in Postgres. */
const ofOneConversion = [
  ...["transaction_id", "order_id", "coupon_code", "source_id", "sub1", "sub2", "sub3", "sub4", "sub5"],
  ...["converted_at", "clicked_at"],
];

/** Everything that is mirrored. Slices are mirrored as they were read: by the day that a row came with. */
export const feeds: readonly Feed[] = [
  mirrored("performance", performanceMetrics),
  mirrored("report_countries", reportCountries),
  mirrored("report_publishers", reportPublishers),
  mirrored("report_bids", reportBids),
  mirrored("report_quality", reportQuality),
  mirrored("report_invalid", reportInvalid),
  mirrored("report_filtering", reportFiltering),
  mirrored("rtb_traffic", rtbTraffic),
  mirrored("redtrack_daily_spend", dailySpend, { day: "_slice" }),
  mirrored("everflow_daily_stats", dailyStats, { day: "_slice" }),
  mirrored("everflow_conversions", conversions, { day: "_slice", without: ofOneConversion }),
  mirrored("promo_days", promoPerformanceMetrics, { without: ["ctr", "raw_ctr", "first_sent_at", "updated_at"] }),
  mirrored("promo_click_days", promoClickDays),
];

export function feedNamed(name: string): Feed {
  const found = feeds.find((feed) => feed.name === name);
  if (found === undefined) throw new Error(`no feed is named ${name}`);
  return found;
}
