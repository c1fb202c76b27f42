import type { ComponentChildren } from "preact";

/** One line of a chart. A point that is not known is a gap, never a zero. */
export interface Series {
  name: string;
  points: readonly (number | null)[];
  /** What a point says in the table beside the chart. */
  text: (value: number) => string;
  /** The field of the JSON route that says the same, and what it says. */
  said?: { field: string; values: readonly (string | number | null)[] };
}

interface LineChartProps {
  id: string;
  /** What there is to see, as a sentence. */
  finding: ComponentChildren;
  labels: readonly string[];
  /** What the labels are: Day, Hour. */
  labelName: string;
  series: readonly Series[];
  axisText: (value: number) => string;
  /** Where in its answer a label stands, if not at its own place. */
  json?: { url: string; path: string; indexOf?: (label: number) => number } | undefined;
}

/** From so many points on somebody wants to point at one of them. A page with such a chart needs `denseScripts`. */
const denseFrom = 60;
const isDense = (labels: readonly unknown[]) => labels.length >= denseFrom;
export const denseScripts = (labels: readonly unknown[]) => (isDense(labels) ? ["uplot.js", "dense.js"] : []);

const size = { width: 760, height: 240, left: 62, right: 12, top: 10, bottom: 26 };

/** Lines over days or hours, drawn by the server, with their figures as a table beneath. */
export function LineChart({ id, finding, labels, labelName, series, axisText, json }: LineChartProps) {
  const most = Math.max(0, ...series.flatMap(({ points }) => points.filter((point) => point !== null)));
  const least = Math.min(0, ...series.flatMap(({ points }) => points.filter((point) => point !== null)));
  const ticks = ticksFor(least, most);
  const [low = 0, high = 1] = [ticks[0], ticks.at(-1)];
  const x = (index: number) =>
    size.left + (labels.length < 2 ? 0.5 : index / (labels.length - 1)) * (size.width - size.left - size.right);
  const y = (value: number) =>
    size.top + (1 - (value - low) / (high - low || 1)) * (size.height - size.top - size.bottom);
  // The first label begins at its point and the last ends there: of whole days fewer fit than of hours.
  const step = Math.max(1, Math.ceil(labels.length / ((labels[0] ?? "").length > 5 ? 6 : 8)));
  return (
    <figure data-dense={isDense(labels) ? "" : undefined}>
      <figcaption id={`${id}-finding`}>{finding}</figcaption>
      {series.length > 1 ? <Legend series={series} /> : null}
      <svg class="chart" viewBox={`0 0 ${size.width} ${size.height}`} role="img" aria-labelledby={`${id}-finding`}>
        {ticks.map((tick) => (
          <g key={tick}>
            <line class="grid" x1={size.left} x2={size.width - size.right} y1={y(tick)} y2={y(tick)} />
            <text x={size.left - 8} y={y(tick) + 4} text-anchor="end">
              {axisText(tick)}
            </text>
          </g>
        ))}
        {labels.map((label, index) =>
          index % step === 0 ? (
            <text
              key={label}
              x={x(index)}
              y={size.height - 6}
              text-anchor={index === 0 ? "start" : index === labels.length - 1 ? "end" : "middle"}
            >
              {label}
            </text>
          ) : null,
        )}
        {series.map(({ name, points }, index) => (
          <g key={name} class={`s${index + 1}`}>
            <path class={`series s${index + 1}`} d={pathOf(points, x, y)} />
            {loneOf(points).map((at) => (
              <circle key={at} class="dot" cx={x(at)} cy={y(points[at] ?? 0)} r={3} />
            ))}
          </g>
        ))}
      </svg>
      <Figures labels={labels} labelName={labelName} series={series} json={json} />
    </figure>
  );
}

/** The same as a table, for those who read. */
function Figures({
  labels,
  labelName,
  series,
  json,
}: Pick<LineChartProps, "labels" | "labelName" | "series" | "json">) {
  return (
    <details>
      <summary>Figures</summary>
      <div class="scroll" role="region" aria-label="Figures of the chart" tabIndex={0}>
        <table data-json={json?.url} data-path={json?.path}>
          <thead>
            <tr>
              <th scope="col">{labelName}</th>
              {series.map(({ name }) => (
                <th key={name} scope="col" class="figure">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {labels.map((label, index) => (
              <tr key={label} data-row={json === undefined ? undefined : (json.indexOf?.(index) ?? index)}>
                <th scope="row">{label}</th>
                {series.map(({ name, points, text, said }) => {
                  const point = points[index] ?? null;
                  return (
                    <td
                      key={name}
                      class="figure"
                      data-field={said?.field}
                      data-value={(said === undefined ? point : said.values[index]) ?? ""}
                    >
                      {point === null ? "–" : text(point)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Legend({ series }: { series: readonly Series[] }) {
  return (
    <ul class="legend">
      {series.map(({ name }, index) => (
        <li key={name}>
          <svg viewBox="0 0 28 10" aria-hidden="true" class={`chart s${index + 1}`}>
            <line class={`series s${index + 1}`} x1="0" x2="28" y1="5" y2="5" />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}

/** A line in a table cell: its course only. The figures stand in the columns beside it. */
export function Sparkline({ points, label }: { points: readonly (number | null)[]; label: string }) {
  const known = points.filter((point) => point !== null);
  if (known.length < 2) return <span class="none">–</span>;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = (index: number) => 1 + (index / (points.length - 1)) * 108;
  const y = (value: number) => 22 - ((value - low) / (high - low || 1)) * 20;
  return (
    <svg class="spark" viewBox="0 0 110 24" role="img" aria-label={label}>
      <path class="series" d={pathOf(points, x, y)} />
    </svg>
  );
}

/** A bar behind a figure: its share of the greatest. */
export function ShareBar({ share, label, tone = "" }: { share: number; label: string; tone?: "" | "bad" }) {
  const width = Math.max(0, Math.min(1, Number.isFinite(share) ? share : 0)) * 100;
  return (
    <svg class="spark" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label={label}>
      <rect class="bar soft" x="0" y="0" width="100" height="12" />
      <rect class={`bar ${tone}`} x="0" y="0" width={width.toFixed(1)} height="12" />
    </svg>
  );
}

function pathOf(
  points: readonly (number | null)[],
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  let isDrawing = false;
  return points
    .map((point, index) => {
      if (point === null) {
        isDrawing = false;
        return "";
      }
      const command = isDrawing ? "L" : "M";
      isDrawing = true;
      return `${command}${x(index).toFixed(1)} ${y(point).toFixed(1)}`;
    })
    .join("");
}

/** Points without a neighbour would be no line at all. */
function loneOf(points: readonly (number | null)[]): number[] {
  return points.flatMap((point, index) =>
    point !== null && (points[index - 1] ?? null) === null && (points[index + 1] ?? null) === null ? [index] : [],
  );
}

/** Round steps from below the least to above the most. */
export function ticksFor(least: number, most: number): number[] {
  const span = most - least || 1;
  const rough = span / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? power * 10;
  const ticks: number[] = [];
  for (let tick = Math.floor(least / step); tick * step < most + step; tick += 1)
    ticks.push(Number((tick * step).toFixed(10)));
  return ticks;
}
