import { ExactSum } from "./exact-sum.ts";
import type { MetricCells } from "./metric-cells.ts";
import { microsText } from "./numbers.ts";
import type { CountedDay } from "./shapes.ts";

/** What the lines of one day carry. */
export class DaySums {
  rows = 0;
  readonly impressions = new ExactSum();
  readonly clicks = new ExactSum();
  readonly micros = new ExactSum();

  constructor(readonly day: number) {}
}

/** What the lines of a file carry, day by day: mostly a line is of the same day as the line before. */
export class SumsByDay {
  readonly #days = new Map<number, DaySums>();
  #last = new DaySums(0);

  /** Adds the line that was read last. */
  add(day: number, metrics: MetricCells): void {
    const sums = this.#last.day === day ? this.#last : this.#of(day);
    sums.rows += 1;
    metrics.addTo(sums);
  }

  #of(day: number): DaySums {
    const sums = this.#days.get(day) ?? new DaySums(day);
    this.#days.set(day, sums);
    return (this.#last = sums);
  }

  all(): CountedDay[] {
    return [...this.#days.values()]
      .sort((one, other) => one.day - other.day)
      .map(({ day, rows, impressions, clicks, micros }) => ({
        date: dayText(day),
        rows,
        impressions: impressions.total.toString(),
        clicks: clicks.total.toString(),
        spend: microsText(micros.total),
      }));
  }
}

/** A day as YYYYMMDD in words of the calendar. */
export function dayText(day: number): string {
  const text = String(day);
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`;
}
