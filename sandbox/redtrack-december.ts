import { apportion } from "./apportion.ts";
import { chance } from "./chance.ts";
import { eachDay } from "./civil-day.ts";
import { microsFromCents } from "./decimal.ts";
import { activeSources, spendRow, type SpendRow } from "./redtrack-rows.ts";
import { MAJORS, trafficSources } from "./redtrack-sources.ts";

/** The figures of spec/redtrack-spend.md that were read off the real account; the rows are made to add up to them. */
const KNOWN = {
  client: "713",
  days: eachDay("2025-12-01", "2025-12-18"),
  rows: 248,
  clicks: 170_105,
  conversions: 2_933,
  costCents: 21_115_262,
  majorsCents: [14_084_510, 3_592_488, 2_230_442],
  lastDay: { day: "2025-12-18", sources: 16, facebook: { costCents: 2_626_920, clicks: 26_135, conversions: 573 } },
} as const;

const FEWEST_SOURCES = 12;

interface Cell {
  day: string;
  sourceIndex: number;
  weight: number;
  costCents: number;
}

let known: ReadonlyMap<string, readonly SpendRow[]> | undefined;

/** The rows of a day whose figures are on record, or undefined for any other day or client. */
export function knownDecemberDay(client: string, day: string): readonly SpendRow[] | undefined {
  if (client !== KNOWN.client) return undefined;
  known ??= buildRows();
  return known.get(day);
}

function buildRows(): ReadonlyMap<string, readonly SpendRow[]> {
  const sources = trafficSources(KNOWN.client);
  const cells = chooseCells();
  spendBySource(cells);

  const [facebook, rest] = splitOffFacebookOnLastDay(cells);
  const { clicks: lastClicks, conversions: lastConversions } = KNOWN.lastDay.facebook;
  const clickWeights = rest.map((cell) => cell.costCents * (0.8 + 0.4 * draw(cell, "clicks")));
  const clicks = apportion(KNOWN.clicks - lastClicks, clickWeights, 1);
  const conversionWeights = rest.map((cell, index) => (clicks[index] ?? 0) * (0.6 + 0.8 * draw(cell, "conversions")));
  const conversions = apportion(KNOWN.conversions - lastConversions, conversionWeights);

  const rows = new Map<string, SpendRow[]>(KNOWN.days.map((day) => [day, []]));
  const place = (cell: Cell, cellClicks: number, cellConversions: number) => {
    const source = sources[cell.sourceIndex];
    if (source === undefined) throw new Error(`no source ${cell.sourceIndex}`);
    const figures = { costMicros: microsFromCents(cell.costCents), clicks: cellClicks, conversions: cellConversions };
    rows.get(cell.day)?.push(spendRow(KNOWN.client, cell.day, source, figures));
  };
  place(facebook, lastClicks, lastConversions);
  rest.forEach((cell, index) => place(cell, clicks[index] ?? 0, conversions[index] ?? 0));
  return rows;
}

/** Which source runs on which day: the majors always, the last day with the number of sources on record. */
function chooseCells(): Cell[] {
  const { lastDay } = KNOWN;
  const earlier = KNOWN.days.filter((day) => day !== lastDay.day);
  const counts = apportion(
    KNOWN.rows - lastDay.sources,
    earlier.map((day) => 1 + chance("december", day, "rows")),
    FEWEST_SOURCES,
  );
  const sources = trafficSources(KNOWN.client);
  const indexOf = new Map(sources.map((source, index) => [source.id, index]));
  return KNOWN.days.flatMap((day, position) =>
    activeSources(KNOWN.client, day, counts[position] ?? lastDay.sources).map((source) => {
      const cell = { day, sourceIndex: indexOf.get(source.id) ?? 0, weight: source.weight, costCents: 0 };
      // The month climbs towards its last day, as the Facebook figure of that day suggests.
      return { ...cell, weight: source.weight * (1 + position / 12) * (0.7 + 0.6 * draw(cell, "cost")) };
    }),
  );
}

/** Spreads each major's sum over its days, and what is left over all cells of the small sources. */
function spendBySource(cells: readonly Cell[]): void {
  const spread = (costCents: number, among: readonly Cell[]) => {
    const parts = apportion(
      costCents,
      among.map((cell) => cell.weight),
      1,
    );
    among.forEach((cell, index) => (cell.costCents = parts[index] ?? 0));
  };
  const [facebook, rest] = splitOffFacebookOnLastDay(cells);
  facebook.costCents = KNOWN.lastDay.facebook.costCents;
  KNOWN.majorsCents.forEach((costCents, major) => {
    const already = major === facebook.sourceIndex ? facebook.costCents : 0;
    spread(
      costCents - already,
      rest.filter((cell) => cell.sourceIndex === major),
    );
  });
  const majors = KNOWN.majorsCents.reduce((sum, cents) => sum + cents, 0);
  spread(
    KNOWN.costCents - majors,
    rest.filter((cell) => cell.sourceIndex >= MAJORS),
  );
}

function splitOffFacebookOnLastDay(cells: readonly Cell[]): [Cell, Cell[]] {
  const facebook = cells.find((cell) => cell.sourceIndex === 0 && cell.day === KNOWN.lastDay.day);
  if (facebook === undefined) throw new Error("Facebook CCW is missing from the last day");
  return [facebook, cells.filter((cell) => cell !== facebook)];
}

function draw(cell: Pick<Cell, "day" | "sourceIndex">, what: string): number {
  return chance("december", cell.day, cell.sourceIndex, what);
}
