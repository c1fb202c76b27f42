import type { ComponentChildren } from "preact";
import { sortDays, type GridDay, type GridSort } from "../../queries/sync/freshness-grid.ts";
import { typedHere } from "../../settings/typed-here.ts";
import { Origin } from "../components/format.tsx";
import { Counted, Empty } from "../components/parts.tsx";
import { StateBadge, stateWords } from "../components/state.tsx";
import type { Json } from "../shared/json.ts";
import type { Period } from "../shared/period.ts";
import { withQuery } from "../shared/web.ts";

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
  origin: string | null;
  /** What can be done about it. */
  act?: { href: string; label: string; about: string } | null;
}

export interface GridColumn {
  id: string;
  label: ComponentChildren;
  cells: readonly GridCell[];
}

interface OpenProps {
  cells: readonly { state: string | null }[];
  json: string;
  /** Which of the answer's items they are. */
  where: Readonly<Record<string, string>>;
  /** What is said where every day that is expected is final. */
  none: string;
}

/** "2 missing, 1 partial" */
export function OpenStates({ cells, json, where, none }: OpenProps) {
  const open = openOnes
    .map((state) => [state, cells.filter((cell) => cell.state === state).length] as const)
    .filter(([, days]) => days > 0);
  if (open.length === 0) return <>{none}</>;
  return (
    <>
      {open.map(([state, days], index) => (
        <span key={state}>
          {index === 0 ? "" : ", "}
          <Counted json={json} of="items" where={{ ...where, state }} value={days} /> {state}
        </span>
      ))}
    </>
  );
}

export const isAnySandbox = (cells: readonly { origin: string | null }[]) =>
  cells.some(({ origin }) => origin === "sandbox");

/** Where a mock server made up all that was read, the heading says so once. */
const isAllSandbox = ({ cells }: GridColumn) => {
  const read = cells.filter(({ origin }) => origin !== null);
  return read.length > 0 && read.every(({ origin }) => origin === "sandbox");
};

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

interface GridProps {
  columns: readonly GridColumn[];
  period: Period;
  url: URL;
  sort: GridSort;
}

/** A row per day, a column per source. */
export function GridTable({ columns, period, url, sort }: GridProps) {
  if (columns.length === 0)
    return (
      <Empty title="No source yet">
        Sources appear when a worker has started: <code>{typedHere("npm start")}</code>. Then sync one from this page.
      </Empty>
    );
  const days = sortDays(
    columns.flatMap(({ cells }) => cells),
    sort,
  );
  const caption = `Days ${period.from} to ${period.to} by source`;
  const shown = columns.map((column) => ({
    id: column.id,
    label: column.label,
    isSandbox: isAllSandbox(column),
    cells: new Map(column.cells.map((cell) => [cell.day, cell])),
  }));
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table class="grid">
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            <HeadOfDays url={url} sort={sort} />
            {shown.map(({ id, label, isSandbox }) => (
              <th key={id} scope="col">
                {label} {isSandbox ? <Origin of="sandbox" /> : null}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days.map((day) => (
            <tr key={day}>
              <th scope="row">{day}</th>
              {shown.map(({ id, isSandbox, cells }) => (
                <td key={id}>
                  <CellLink cell={cells.get(day)} isMarked={!isSandbox} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Sorts by day; the days with the most that is not final have a link of their own beside it. */
function HeadOfDays({ url, sort }: Pick<GridProps, "url" | "sort">) {
  const state = sort === "day" ? "ascending" : sort === "-day" ? "descending" : "none";
  const isByOpen = sort.endsWith("open");
  return (
    <th scope="col" aria-sort={state}>
      <a href={withQuery(url, { sort: sort === "-day" ? "day" : "-day" })}>
        Day
        <span class="order" aria-hidden="true">
          {state === "ascending" ? "▲" : state === "descending" ? "▼" : ""}
        </span>
      </a>{" "}
      <a
        class="quiet"
        href={withQuery(url, { sort: sort === "-open" ? "open" : "-open" })}
        aria-current={isByOpen ? "true" : undefined}
      >
        {sort === "-open" ? "fewest open first" : "most open first"}
      </a>
    </th>
  );
}

/** `isMarked`: says itself what a mock server made up. */
function CellLink({ cell, isMarked }: { cell: GridCell | undefined; isMarked: boolean }) {
  if (cell === undefined) return <span class="none">–</span>;
  const { state, reason, href, none, act, origin } = cell;
  return (
    <>
      <a class="cell" href={href} title={reason ?? undefined}>
        {state === null ? <span class="none">{none}</span> : <StateBadge state={state} />}
      </a>
      {isMarked && origin === "sandbox" ? (
        <>
          {" "}
          <Origin of={origin} />
        </>
      ) : null}
      {act == null ? null : (
        <>
          {" "}
          <a class="cell" href={act.href} aria-label={act.about}>
            {act.label}
          </a>
        </>
      )}
    </>
  );
}
