import type { PreviewColumn, PreviewLine } from "../../rules/files/preview.ts";
import { Badge, Name } from "../components/format.tsx";
import type { Preview } from "./answers.ts";

interface Props {
  found: Preview;
  /** The address of the page without a column. */
  leaveOut: (column: string) => string;
}

/** The head of a file: what each column becomes, what each of the first lines says, and what becomes of it. */
export function FirstLines({ found, leaveOut }: Props) {
  const { columns, lines, rejects, read } = found;
  if (columns.length === 0) return null;
  const shown = new Set(lines.map(({ line }) => line));
  const more = rejects.filter(({ line }) => !shown.has(line));
  return (
    <>
      <section aria-labelledby="first-lines">
        <h2 id="first-lines">The first lines</h2>
        <div class="scroll" role="region" aria-label="The first lines" tabIndex={0}>
          <table class="cells">
            <caption class="visually-hidden">The first lines, as the file has them</caption>
            <thead>
              <tr>
                <th scope="col">Line</th>
                <th scope="col">Result</th>
                {columns.map((column, place) => (
                  <th scope="col" key={place}>
                    {column.name === "" ? <span class="quiet">no name</span> : <Name of={column.name} />}
                    <Use column={column} leaveOut={leaveOut} />
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {lines.map((line) => (
                <Line key={line.line} line={line} columns={columns} />
              ))}
            </tbody>
          </table>
        </div>
      </section>
      {more.length === 0 ? null : (
        <section aria-labelledby="more-rejected">
          <h2 id="more-rejected">Also rejected</h2>
          <ul class="plain">
            {more.map(({ line, reason }) => (
              <li key={line}>
                Line {line}: <Name of={reason} />
              </li>
            ))}
          </ul>
          {read.rejected > rejects.length ? <p class="quiet">And {read.rejected - rejects.length} more.</p> : null}
        </section>
      )}
    </>
  );
}

const uses: Record<Exclude<PreviewColumn["use"], "field">, string> = {
  currency: "must be the client's currency",
  sameDay: "must be the same day",
  summed: "not stored: its lines are added up",
  ignored: "left out",
  spare: "left out: another column says the same",
  nameless: "must be empty",
  unknown: "not known",
};

function Use({ column: { name, use, field }, leaveOut }: { column: PreviewColumn; leaveOut: Props["leaveOut"] }) {
  return (
    <div class="use">
      {use === "field" ? (
        <Badge tone="note">{(field ?? "").replaceAll("_", " ")}</Badge>
      ) : (
        <Badge tone={use === "unknown" ? "bad" : "quiet"}>{uses[use]}</Badge>
      )}
      {use === "unknown" ? (
        <>
          {" "}
          <a href={leaveOut(name)} aria-label={`Leave out the column ${name}`}>
            Leave out
          </a>
        </>
      ) : null}
    </div>
  );
}

function Line({
  line: { line, cells, outcome, column, reason },
  columns,
}: {
  line: PreviewLine;
  columns: PreviewColumn[];
}) {
  return (
    <tr>
      <th scope="row">{line}</th>
      <td class="why">
        {outcome === "rejected" ? (
          <>
            <Badge tone="bad">rejected</Badge> <Name of={reason} />
          </>
        ) : outcome === "total" ? (
          <Badge tone="quiet">a total, left out</Badge>
        ) : outcome === "imported" ? (
          <Badge tone="good">good</Badge>
        ) : (
          <span class="none">–</span>
        )}
      </td>
      {columns.map(({ name }, place) => (
        <td key={place} class={outcome === "rejected" && name === column ? "bad-cell" : undefined}>
          {cells[place] ?? ""}
        </td>
      ))}
    </tr>
  );
}
