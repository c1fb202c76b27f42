import type { DescribedTable } from "../../queries/ops/catalog.ts";

/**
 * What an analyst reads. All else is there so that nothing is lost or counted twice: keys, queues, receipts, sealed
 * values; an engineer needs it, a question about money does not.
 */
const forAnalysts = [
  /^(public|redtrack|everflow)\./,
  /^anytrack\.(?!webhook_events|pulled_conversions|tracked)/,
  /^ops\.(alerts|coverage|deliveries|deliveries_daily|files|file_days|freshness|restatements|runs)$/,
  /^recon\.(claims|affiliate_trust|campaigns|disputes)$/,
  /^rtb\.(buyer_seats|campaigns|campaign_creatives|creatives|creative_days|campaign_days|creative_periods|performance)$/,
];

/** The page docs/tables.md: an index of what analysts read, then those tables, then the others. */
export function describeTables(tables: readonly DescribedTable[]): string {
  const [first, rest] = [true, false].map((wanted) => tables.filter((table) => isForAnalysts(table) === wanted));
  const index = (first ?? []).map(
    (table) => `| [\`${nameOf(table)}\`](#${anchorOf(table)}) | ${cell(table.comment)} |`,
  );
  const parts = [
    "# Tables",
    "Which table answers which question, with worked queries: [questions.md](questions.md). This page is generated from the comments in the database by `npm run tables -- --write`; never edit it by hand.",
    "# For analysts",
    ["| table or view | holds |", "| --- | --- |", ...index].join("\n"),
    ...bySchema(first ?? []),
    "# Internals",
    "Keys, queues, receipts and sealed values. Their shape changes without notice.",
    ...bySchema(rest ?? []),
  ];
  return `${parts.join("\n\n")}\n`;
}

const nameOf = ({ schema, name }: DescribedTable) => `${schema}.${name}`;
const titleOf = (table: DescribedTable) => `${nameOf(table)}${table.kind === "view" ? " (view)" : ""}`;
const anchorOf = (table: DescribedTable) =>
  titleOf(table)
    .replaceAll(/[^\w -]/g, "")
    .replaceAll(" ", "-");

function isForAnalysts(table: DescribedTable): boolean {
  return forAnalysts.some((pattern) => pattern.test(nameOf(table)));
}

function bySchema(tables: readonly DescribedTable[]): string[] {
  return [...new Set(tables.map(({ schema }) => schema))].map((schema) => {
    const own = tables.filter((table) => table.schema === schema);
    return [
      `## ${schema}`,
      ...own.slice(0, 1).flatMap(({ schemaComment }) => schemaComment ?? []),
      ...own.map(describeTable),
    ].join("\n\n");
  });
}

function describeTable(table: DescribedTable): string {
  const key = table.key.length === 0 ? [] : [`Key: ${table.key.map((column) => `\`${column}\``).join(", ")}.`];
  const rows = table.columns.map(
    ({ name, type, required, comment }) =>
      `| \`${name}\` | ${type}${required || table.kind === "view" ? "" : ", can be null"} | ${cell(comment)} |`,
  );
  return [
    `### ${titleOf(table)}`,
    ...(table.comment === null ? [] : [table.comment]),
    ...key,
    ["| column | type | meaning |", "| --- | --- | --- |", ...rows].join("\n"),
  ].join("\n\n");
}

function cell(comment: string | null): string {
  return (comment ?? "").replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
}
