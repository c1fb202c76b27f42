import { cents, sumMoney, toMicros } from "../../core/money.ts";
import { raiseUnlessAccepted } from "../../queries/ops/accepted-alerts.ts";
import { raiseAlert, settleAlerts, type RaisedAlert } from "../../queries/ops/alerts.ts";
import type { Receipt, SliceOf } from "../../queries/sync/shapes.ts";
import type { Held } from "../../queries/sync/stored.ts";
import type { Queryable, Session } from "../../schema/database.ts";

/** What a merged slice calls for, and which alerts about it a good one settles. */
export async function raiseSliceAlerts(session: Session, target: SliceOf, receipt: Receipt): Promise<void> {
  const subject = { client: target.client, area: "sync", subject: `${target.source}/${target.day}` };
  if (receipt.outcome === "unreconciled") {
    await raiseAlert(session, {
      ...subject,
      kind: "unreconciled",
      severity: "warning",
      message: `${target.source} ${target.day}: rows sum to ${cents(receipt.total)} and ${cents(receipt.quarantinedTotal)} quarantined, the vendor's total is ${cents(receipt.vendorTotal ?? "0")}`,
    });
  } else if (receipt.outcome === "emptied") {
    await raiseAlert(session, {
      ...subject,
      kind: "emptied",
      severity: "warning",
      message: `${target.source} ${target.day}: ${emptiedBy(receipt)}. If the day really is empty: ${accepting(target)}`,
    });
  } else if (receipt.outcome === "shrunk") {
    await raiseAlert(session, {
      ...subject,
      kind: "shrunk",
      severity: "warning",
      message: `${target.source} ${target.day}: the vendor's answer of ${receipt.fetched} rows (${receipt.quarantined} of them cannot be stored) has lost too many of those that are stored; they were kept. If the day really is so: ${accepting(target)}`,
    });
  } else if (receipt.outcome !== "superseded") {
    const kinds = ["unreconciled", "emptied", "shrunk"];
    await settleAlerts(session, { ...subject, kinds, notes: "a later fetch adds up" });
  }
}

function emptiedBy({ unchanged, quarantined }: Receipt): string {
  const aside = `${quarantined} ${quarantined === 1 ? "row is" : "rows are"} in quarantine`;
  if (unchanged === 0) return `the vendor answers nothing that can be stored (${aside}), and the day is not final`;
  return `the vendor now answers nothing that can be stored where rows are stored${quarantined === 0 ? "" : ` (${aside})`}; they were kept`;
}

const accepting = ({ source, day, client }: SliceOf) =>
  `npm run backfill -- --source ${source} --from ${day} --to ${day} --client ${client} --accept-empty`;

/** The vendor refused what we would rather ask: what that means for all that is stored of the feed. */
export async function raiseCaveat(
  database: Queryable,
  { client, source, caveat }: { client: string; source: string; caveat: string | null },
): Promise<void> {
  const subject = { client, area: "sync", subject: source };
  if (caveat === null)
    return settleAlerts(database, { ...subject, kinds: ["question_refused"], notes: "answered as asked" });
  await raiseAlert(database, {
    ...subject,
    kind: "question_refused",
    severity: "warning",
    message: `${source}: ${caveat}`,
  });
}

type Books = { expected: Held; held: Held };

/** A slice whose table holds something else than its receipts say is money lost or doubled. */
export async function raiseBooksAlert(
  database: Queryable,
  { client, source, day, books }: { client: string; source: string; day: string; books: Books | "same" | null },
): Promise<void> {
  if (books === null) return;
  const subject = { client, area: "sync", subject: `${source}/${day}` };
  if (books === "same" || isSame(books))
    return settleAlerts(database, { ...subject, kinds: ["books_differ"], notes: "they add up again" });
  await raiseUnlessAccepted(database, booksAlert({ client, source, day, books }));
}

/** The alert that a slice calls for whose table holds something else; its details are what a person may accept. */
export function booksAlert(of: { client: string; source: string; day: string; books: Books }): RaisedAlert {
  const { client, source, day } = of;
  const [expected, held] = [exactly(of.books.expected), exactly(of.books.held)];
  return {
    client,
    area: "sync",
    kind: "books_differ",
    subject: `${source}/${day}`,
    severity: "critical",
    message: `${source} ${day}: the table holds ${held.rows} rows that sum to ${held.total}, its receipts say ${expected.rows} rows and ${expected.total}. Fetch the day again with npm run backfill: something else has written to the table`,
    details: { day, expected, held },
  };
}

/** One spelling of an amount, so that what was accepted is known again. */
const exactly = ({ rows, total }: Held): Held => ({ rows, total: sumMoney([total]) });

const isSame = ({ expected, held }: Books) =>
  expected.rows === held.rows && toMicros(expected.total) === toMicros(held.total);
