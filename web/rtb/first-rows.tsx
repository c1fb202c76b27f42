import type { ComponentChildren } from "preact";
import { Counted } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";

interface Props<Row> {
  columns: Column<Row>[];
  rows: readonly Row[];
  /** So many are in sight; the others are folded. */
  first: number;
  caption: string;
  zone: string;
  json: { url: string; path: string };
  empty?: ComponentChildren;
}

/** A table of which only the first rows matter to most. */
export function FirstRows<Row>({ columns, rows, first, caption, zone, json, empty }: Props<Row>) {
  const rest = rows.slice(first);
  return (
    <>
      <Table columns={columns} rows={rows.slice(0, first)} caption={caption} zone={zone} json={json} empty={empty} />
      {rest.length === 0 ? null : (
        <details>
          <summary>
            <Counted json={json.url} of={json.path} less={first} value={rest.length} /> more
          </summary>
          <Table
            columns={columns}
            rows={rest}
            caption={`More: ${caption}`}
            zone={zone}
            json={{ ...json, indexOf: (row) => rows.indexOf(row) }}
          />
        </details>
      )}
    </>
  );
}
