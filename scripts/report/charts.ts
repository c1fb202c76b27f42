import { amount, escape, shortDay, symbolOf, whole } from "./markup.ts";

// Amounts become numbers in this file only, for where to draw; what is written is their text.

export interface ChartDay {
  day: string;
  /** Null: no row of any side. */
  cost: string | null;
  revenue: string | null;
  conversions: number | null;
  /** Not final on one side or the other. */
  provisional: boolean;
}

const width = 960;
const height = 320;
const plot = { left: 64, right: width - 20, top: 18, bottom: height - 34 };

/** Cost and revenue per day, as two lines over one scale. Provisional days are shaded; a day without rows is a gap. */
export function dayChart(days: readonly ChartDay[], currency: string): string {
  const values = days
    .flatMap((one) => [one.cost, one.revenue])
    .filter((value): value is string => value !== null)
    .map(Number);
  const ticks = niceTicks(Math.min(0, ...values), Math.max(1, ...values));
  const low = ticks[0] ?? 0;
  const high = ticks.at(-1) ?? 1;
  const y = (value: number) => plot.bottom - ((value - low) / (high - low)) * (plot.bottom - plot.top);
  const step = (plot.right - plot.left) / Math.max(1, days.length);
  const x = (index: number) => plot.left + step * (index + 0.5);
  const every = Math.ceil(days.length / 12);

  const grid = ticks.map(
    (tick) =>
      `<line class="${tick === 0 ? "zero" : "grid"}" x1="${plot.left}" x2="${plot.right}" y1="${at(y(tick))}" y2="${at(y(tick))}"/><text class="tick" x="${plot.left - 10}" y="${at(y(tick) + 4)}" text-anchor="end">${escape(short(tick, currency))}</text>`,
  );
  const names = days.map((one, index) =>
    index % every === 0
      ? `<text class="tick" x="${at(x(index))}" y="${height - 10}" text-anchor="middle">${shortDay(one.day)}</text>`
      : "",
  );
  const shades = days.map((one, index) =>
    one.provisional
      ? `<rect class="provisional" x="${at(x(index) - step / 2)}" y="${plot.top}" width="${at(step)}" height="${plot.bottom - plot.top}"/>`
      : "",
  );
  const line = (side: "cost" | "revenue") => {
    const runs = stretchesOf(
      days.map((one, index) => (one[side] === null ? null : { x: x(index), y: y(Number(one[side])) })),
    );
    const zero = at(y(0));
    return [
      ...(side === "cost" ? [] : runs).map(
        (points) =>
          `<path class="area ${side}" d="M${at(points[0]?.x ?? 0)},${zero}${points.map((point) => `L${at(point.x)},${at(point.y)}`).join("")}L${at(points.at(-1)?.x ?? 0)},${zero}Z"/>`,
      ),
      ...runs.map(
        (points) =>
          `<path class="line ${side}" d="M${points.map((point) => `${at(point.x)},${at(point.y)}`).join("L")}"/>`,
      ),
      ...(days.length > 45 ? runs.filter((points) => points.length === 1) : runs)
        .flat()
        .map((point) => `<circle class="dot ${side}" cx="${at(point.x)}" cy="${at(point.y)}" r="3.5"/>`),
    ].join("");
  };
  const hovers = days.map((one, index) => hover(one, { x: x(index), step, currency }));
  return `<svg class="days" viewBox="0 0 ${width} ${height}" role="img" aria-label="Revenue and cost per day in ${escape(currency)}; the table of days holds the figures">
<defs><pattern id="hatch-${escape(currency)}" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="7"/></pattern></defs>
${shades.join("").replaceAll('class="provisional"', `class="provisional" fill="url(#hatch-${escape(currency)})"`)}${grid.join("")}${names.join("")}${line("revenue")}${line("cost")}${hovers.join("")}</svg>`;
}

/** What a day's pointer shows: drawn with the chart, so that it needs no script. */
function hover(one: ChartDay, place: { x: number; step: number; currency: string }): string {
  const box = { width: 196, height: 88 };
  const left = place.x + 14 + box.width > plot.right ? place.x - 14 - box.width : place.x + 14;
  const row = (index: number, name: string, value: string, key = "") =>
    `<text x="${at(left + 12)}" y="${plot.top + 40 + index * 18}"${key === "" ? "" : ` class="${key}"`}>${name}</text><text class="value" x="${at(left + box.width - 12)}" y="${plot.top + 40 + index * 18}" text-anchor="end">${escape(value)}</text>`;
  return `<g class="day"><rect class="target" x="${at(place.x - place.step / 2)}" y="${plot.top}" width="${at(place.step)}" height="${plot.bottom - plot.top}"/><g class="tip"><line x1="${at(place.x)}" x2="${at(place.x)}" y1="${plot.top}" y2="${plot.bottom}"/><rect x="${at(left)}" y="${plot.top + 2}" width="${box.width}" height="${box.height}" rx="8"/><text class="title" x="${at(left + 12)}" y="${plot.top + 21}">${shortDay(one.day, true)}${one.provisional ? " · provisional" : ""}</text>${row(0, "Revenue", amount(one.revenue, place.currency), "revenue")}${row(1, "Cost", amount(one.cost, place.currency), "cost")}${row(2, "Conversions", whole(one.conversions))}</g></g>`;
}

export interface CpaBar {
  name: string;
  cpa: string;
  conversions: number | null;
  basis: "spend" | "payout";
}

/** CPA by affiliate, the dearest first, with the average of all as a line. */
export function cpaBars(bars: readonly CpaBar[], average: string | null, currency: string): string {
  const rowHeight = 38;
  const left = 210;
  const right = width - 190;
  const top = average === null ? 6 : 26;
  const tall = top + bars.length * rowHeight + 4;
  const most = Math.max(...bars.map((bar) => Number(bar.cpa)), Number(average ?? 0), 0.01);
  const x = (value: number) => left + (Math.max(0, value) / most) * (right - left);
  const rows = bars.map((bar, index) => {
    const y = top + index * rowHeight;
    const end = Math.max(x(Number(bar.cpa)), left + 2);
    return `<g><title>${escape(`${bar.name}: ${amount(bar.cpa, currency)} per conversion, ${whole(bar.conversions)} conversions, cost by ${bar.basis}`)}</title><text class="name" x="${left - 14}" y="${y + 22}" text-anchor="end">${escape(clipped(bar.name, 26))}</text><path class="bar ${bar.basis}" d="M${left},${y + 7}H${at(end - 4)}q4,0 4,4v14q0,4 -4,4H${left}Z"/><text class="value" x="${at(end + 10)}" y="${y + 22}">${escape(amount(bar.cpa, currency))}<tspan class="soft" dx="8">${whole(bar.conversions)} conv.</tspan></text></g>`;
  });
  const place = average === null ? 0 : x(Number(average));
  const line =
    average === null
      ? ""
      : `<line class="average" x1="${at(place)}" x2="${at(place)}" y1="${top - 4}" y2="${tall}"/><text class="average" x="${at(place)}" y="14" text-anchor="middle">all: ${escape(amount(average, currency))}</text>`;
  return `<svg class="bars" viewBox="0 0 ${width} ${tall}" role="img" aria-label="Cost per acquisition by affiliate in ${escape(currency)}">${line}${rows.join("")}</svg>`;
}

function clipped(text: string, most: number): string {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}…`;
}

function stretchesOf<Point>(points: readonly (Point | null)[]): Point[][] {
  const runs: Point[][] = [[]];
  for (const point of points) {
    if (point === null) runs.push([]);
    else runs.at(-1)?.push(point);
  }
  return runs.filter((run) => run.length > 0);
}

/** About five round steps that hold both ends, zero among them. */
function niceTicks(low: number, high: number): number[] {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.floor(low / step);
  return Array.from({ length: Math.ceil(high / step) - first + 1 }, (_, index) => (first + index) * step);
}

/** `$12.5k`, for an axis. */
function short(value: number, currency: string): string {
  const size = Math.abs(value);
  const [unit, name] = size >= 1e6 ? ([1e6, "M"] as const) : size >= 1e3 ? ([1e3, "k"] as const) : ([1, ""] as const);
  return `${value < 0 ? "−" : ""}${symbolOf(currency)}${Number((size / unit).toPrecision(4))}${name}`;
}

function at(place: number): string {
  return String(Math.round(place * 10) / 10);
}
