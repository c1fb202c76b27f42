import { csvRows } from "../../core/csv.ts";
import { cents } from "../../core/money.ts";
import type { Queryable } from "../../schema/database.ts";
import type { Order } from "../shared/ordered.ts";
import { listConversions, type ConversionFilter } from "./anytrack-reports.ts";

const batch = 1_000;

const columns = [
  "conversion_key",
  "order_id",
  "type",
  "event_name",
  "event_time",
  "date",
  "revenue",
  "currency",
  "source",
  "campaign_id",
  "ad_id",
  "affiliate_id",
  "click_id",
  "sub_ids",
  "seen_by_webhook_at",
  "seen_by_pull_at",
  "origin",
];

/** Conversions of a range as CSV, oldest first, read as fast as they are taken: memory does not grow with the range. */
export async function* exportConversions(database: Queryable, filter: ConversionFilter): AsyncGenerator<string> {
  let after: Order["after"] = null;
  for (;;) {
    const rows: Awaited<ReturnType<typeof listConversions>> = await listConversions(database, {
      ...filter,
      order: { sort: "eventTime", after },
      limit: batch,
    });
    // The heading goes with the first rows: an export that cannot begin says so before it has begun.
    if (after === null) yield csvRows([columns]);
    yield csvRows(
      rows.map((row) => [
        row.conversionKey,
        row.orderId,
        row.type,
        row.eventName,
        row.eventTime,
        row.date,
        row.revenue === null ? null : cents(row.revenue),
        row.currency,
        row.source,
        row.campaignId,
        row.adId,
        row.affiliateId,
        row.clickId,
        row.subIds === null ? null : JSON.stringify(row.subIds),
        row.seenByWebhookAt,
        row.seenByPullAt,
        row.origin,
      ]),
    );
    const last = rows.at(-1);
    if (rows.length < batch || last === undefined) return;
    after = last.inOrder.keys;
  }
}
