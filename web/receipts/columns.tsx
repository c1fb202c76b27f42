import type { countRestatements, RestatementRow } from "../../queries/sync/list-restatements.ts";
import type { countReceipts, ReceiptRow } from "../../queries/sync/receipt-lists.ts";
import { Badge, countText, moneyText, Name, Origin, type Tone } from "../components/format.tsx";
import type { Column } from "../components/table.tsx";
import { shortKey } from "../components/short-key.ts";
import { isAmount } from "../../rules/sync/changed-amount.ts";
import type { Json } from "../shared/json.ts";

export type ListedReceipt = Json<ReceiptRow>;
export type Change = Omit<Json<RestatementRow>, "old" | "new"> & {
  old: Record<string, unknown> | null;
  new: Record<string, unknown> | null;
  change: string | null;
};

export type ReceiptTotals = Awaited<ReturnType<typeof countReceipts>>;
export type ChangeTotals = Awaited<ReturnType<typeof countRestatements>>;

const outcomes: Record<string, Tone> = { changed: "note", unchanged: "quiet", unreconciled: "warning" };
export const OutcomeBadge = ({ outcome }: { outcome: string }) => (
  <Badge tone={outcomes[outcome] ?? "bad"}>{outcome}</Badge>
);

/** Amounts of a feed, whose currency stands in its rows: digits only. */
export const plainAmount = (amount: string) => moneyText(amount, "");

const text = <Row,>(
  name: string,
  label: string,
  value: (row: Row) => string | null,
  more: Partial<Column<Row>> = {},
): Column<Row> => ({
  name,
  label,
  kind: "text",
  value,
  ...more,
});
const count = <Row,>(
  name: string,
  label: string,
  value: (row: Row) => number,
  more: Partial<Column<Row>> = {},
): Column<Row> => ({
  name,
  label,
  kind: "count",
  value,
  ...more,
});

export const receiptLink = (id: number | null) =>
  id === null ? undefined : <a href={`/receipts/${id}`}>{`#${id}`}</a>;
/** By the end of its id: the beginning is the moment, which runs of one minute share. */
export const runLink = (runId: string) => (
  <a href={`/runs/${encodeURIComponent(runId)}`} title={runId}>
    {runId.slice(-8)}
  </a>
);

/** A run that is not among the runs has no page. */
export const runOf = ({ runId, hasRun }: Pick<ListedReceipt, "runId" | "hasRun">) =>
  hasRun ? runLink(runId) : <span title={`${runId}: not among the runs`}>{runId.slice(-8)}</span>;

export const receiptColumns: readonly Column<ListedReceipt>[] = [
  {
    name: "receiptId",
    label: "Receipt",
    kind: "text",
    value: ({ receiptId }) => receiptId,
    show: ({ receiptId, origin }) => (
      <>
        {receiptLink(receiptId)} <Origin of={origin} />
      </>
    ),
  },
  text("source", "Source", ({ source }) => source),
  text("slice", "Day", ({ slice }) => slice, { kind: "day" }),
  { name: "fetchedAt", label: "Fetched", kind: "moment", value: ({ fetchedAt }) => new Date(fetchedAt) },
  text("outcome", "Outcome", ({ outcome }) => outcome, { show: ({ outcome }) => <OutcomeBadge outcome={outcome} /> }),
  { name: "total", label: "Total", kind: "money", value: ({ total }) => total, currency: () => "" },
  {
    name: "vendorTotal",
    label: "Vendor's total",
    kind: "money",
    value: ({ vendorTotal }) => vendorTotal,
    currency: () => "",
    why: () => "the vendor gives none",
    isExtra: true,
  },
  count("inserted", "New", ({ inserted }) => inserted),
  count("updated", "Changed", ({ updated }) => updated),
  count("withdrawn", "Withdrawn", ({ withdrawn }) => withdrawn, { isFileOnly: true }),
  count("quarantined", "Quarantined", ({ quarantined }) => quarantined, { isExtra: true }),
  text("runId", "Run", ({ runId }) => runId, { isFileOnly: true }),
];

export const kinds: Record<string, string> = { first: "first value", changed: "changed", withdrawn: "withdrawn" };

export const changeColumns: readonly Column<Change>[] = [
  {
    name: "recordedAt",
    label: "When",
    kind: "moment",
    value: ({ recordedAt }) => new Date(recordedAt),
    isExtra: true,
  },
  text("source", "Source", ({ source }) => source, { isExtra: true }),
  text("slice", "Day", ({ slice }) => slice, {
    kind: "day",
    show: ({ source, slice }) => <a href={`/receipts?source=${encodeURIComponent(source)}&day=${slice}`}>{slice}</a>,
  }),
  text("kind", "What", ({ kind }) => kind, {
    show: ({ kind }) => (
      <Badge tone={kind === "withdrawn" ? "bad" : kind === "changed" ? "warning" : "quiet"}>
        {kinds[kind] ?? kind}
      </Badge>
    ),
  }),
  text("row", "Row", (row) => rowName(row).join(" · "), {
    isLocal: true,
    show: (row) =>
      rowName(row).map((one, index) => (
        <>
          {index === 0 ? "" : " · "}
          <span title={one}>
            <Name of={shortKey(one)} />
          </span>
        </>
      )),
  }),
  text("old", "From", (row) => JSON.stringify(row.old), {
    isLocal: true,
    isExtra: true,
    show: (row) => <Fields of={row} side="old" />,
  }),
  text("new", "To", (row) => JSON.stringify(row.new), { isLocal: true, show: (row) => <Fields of={row} side="new" /> }),
  {
    name: "change",
    label: "Change",
    kind: "money",
    value: ({ change }) => change,
    currency: () => "",
    show: ({ change }) => signed(change),
  },
  {
    name: "receiptId",
    label: "Receipt",
    kind: "text",
    value: ({ receiptId }) => receiptId,
    show: ({ receiptId }) => receiptLink(receiptId),
  },
  text("runId", "Run", ({ runId }) => runId, { isFileOnly: true }),
];

/** Its key, and the name that stands beside an id. */
function rowName({ rowKey, slice, old, new: now }: Change): string[] {
  const name = ["source_name", "affiliate_name"]
    .map((field) => (now ?? old)?.[field])
    .find((one) => typeof one === "string");
  // The day has a column of its own.
  const key = Object.values(rowKey).filter((one) => one !== slice);
  return [...(name === undefined ? [] : [name]), ...key.map(String)];
}

/** The fields that differ, and what each says on this side; of a first or last value, its amounts. */
function Fields({ of, side }: { of: Change; side: "old" | "new" }) {
  const values = of[side];
  if (values === null) return <span class="none">–</span>;
  const other = of[side === "old" ? "new" : "old"];
  const names = Object.keys(values).filter((name) =>
    other === null ? isAmount(values[name]) : other[name] !== values[name],
  );
  return (
    <>
      {names.map((name) => (
        <div key={name}>
          <span class="quiet">{name.replaceAll("_", " ")}</span>{" "}
          <bdi data-field={`${side}.${name}`} data-value={String(values[name] ?? "")}>
            {shown(values[name])}
          </bdi>
        </div>
      ))}
    </>
  );
}

function shown(value: unknown): string {
  if (isAmount(value)) return plainAmount(value);
  return typeof value === "number" ? countText(value) : value === null || value === undefined ? "–" : String(value);
}

export function signed(amount: string | null) {
  if (amount === null) return undefined;
  return `${Number(amount) > 0 ? "+" : ""}${plainAmount(amount)}`;
}
