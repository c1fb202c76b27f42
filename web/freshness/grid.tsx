import type { ComponentChildren } from "preact";
import type { GridDay } from "../../queries/sync/freshness-grid.ts";
import { typedHere } from "../../settings/typed-here.ts";
import { Empty } from "../components/parts.tsx";
import { StateBadge, stateWords } from "../components/state.tsx";
import type { Json } from "../shared/json.ts";
import type { Period } from "../shared/period.ts";

/** In the order in which they are told of. */
const openOnes = ["missing", "failed", "partial", "provisional"] as const;
type State = "final" | (typeof openOnes)[number];

/** A day of a feed, as its JSON route answers. */
export type Cell = Json<GridDay>;

export interface GridCell {
  day: string;
  state: State | null;
  reason: string | null;
  href: string;
  /** What stands where nothing is expected. */
  none: string;
  /** What can be done about it. */
  act?: { href: string; label: string; about: string } | null;
}

export interface GridColumn {
  id: string;
  label: ComponentChildren;
  cells: readonly GridCell[];
}

/** "2 missing, 1 partial"; null where every day that is expected is final. */
export function openStates(cells: readonly { state: string | null }[]): string | null {
  const open = openOnes
    .map((state) => [state, cells.filter((cell) => cell.state === state).length] as const)
    .filter(([, days]) => days > 0);
  return open.length === 0 ? null : open.map(([state, days]) => `${days} ${state}`).join(", ");
}

export function Legend() {
  return (
    <ul class="legend">
      {(["final", "provisional", "partial", "failed", "missing"] as const).map((state) => (
        <li key={state}>
          <StateBadge state={state} /> {stateWords[state].what}
        </li>
      ))}
    </ul>
  );
}

/** A row per day, a column per source. */
export function GridTable({ columns, period }: { columns: readonly GridColumn[]; period: Period }) {
  if (columns.length === 0)
    return (
      <Empty title="No source yet">
        Sources appear when a worker has started: <code>{typedHere("npm start")}</code>. Then sync one from this page.
      </Empty>
    );
  const days = [...new Set(columns.flatMap(({ cells }) => cells.map(({ day }) => day)))].sort().reverse();
  const caption = `Days ${period.from} to ${period.to} by source`;
  const cells = columns.map((column) => new Map(column.cells.map((cell) => [cell.day, cell])));
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Day</th>
            {columns.map(({ id, label }) => (
              <th key={id} scope="col">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days.map((day) => (
            <tr key={day}>
              <th scope="row">{day}</th>
              {columns.map(({ id }, index) => (
                <td key={id}>
                  <CellLink cell={cells[index]?.get(day)} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function CellLink({ cell }: { cell: GridCell | undefined }) {
  if (cell === undefined) return <span class="none">–</span>;
  const { state, reason, href, none, act } = cell;
  return (
    <>
      <a class="cell" href={href} title={reason ?? undefined}>
        {state === null ? <span class="none">{none}</span> : <StateBadge state={state} />}
      </a>
      {act == null ? null : (
        <>
          {" "}
          <a href={act.href} aria-label={act.about}>
            {act.label}
          </a>
        </>
      )}
    </>
  );
}
