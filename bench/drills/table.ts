import type { Drill, Finding } from "./drill.ts";

export interface DrillResult extends Finding {
  drill: Drill;
  seconds: number;
}

const widths = { done: 40, expected: 40, seen: 60 };

/** The results as a table for a terminal; long cells go on in the next line. */
export function drawTable(results: readonly DrillResult[]): string {
  const body = results.map(({ drill, state, seen, seconds }) => [
    drill.rows.join(", "),
    drill.name,
    drill.done,
    drill.expected,
    seen,
    seconds.toFixed(1),
    state,
  ]);
  return drawCells([["row", "drill", "done", "expected", "seen", "s", "result"], ...body]);
}

/** What there is to run, without running it. */
export function drawList(drills: readonly Drill[]): string {
  return drawCells([
    ["row", "drill", "done", "expected", "short"],
    ...drills.map(({ rows, name, done, expected, isShort }) => [
      rows.join(", "),
      name,
      done,
      expected,
      isShort === true ? "yes" : "",
    ]),
  ]);
}

export function summarize(results: readonly DrillResult[]): string {
  const count = (state: Finding["state"]) => results.filter((result) => result.state === state).length;
  return `${count("held")} held, ${count("broken")} did not hold, ${count("not run")} not run`;
}

function drawCells(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const wrapped = rows.map((row) =>
    row.map((cell, column) => wrap(cell, widths[head[column] as keyof typeof widths] ?? 16)),
  );
  const columns = head.map((_, column) =>
    Math.max(...wrapped.flatMap((row) => (row[column] ?? []).map((line) => line.length))),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map((width, column) => (cells[column] ?? "").padEnd(width))
      .join("  ")
      .trimEnd();
  return wrapped
    .flatMap((row, index) => {
      const height = Math.max(...row.map((cell) => cell.length));
      const lines = Array.from({ length: height }, (_, at) => line(row.map((cell) => cell[at] ?? "")));
      return index === 0 ? [...lines, line(columns.map((width) => "─".repeat(width)))] : lines;
    })
    .join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1) ?? "";
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
