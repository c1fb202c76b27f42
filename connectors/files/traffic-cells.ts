import { Temporal } from "temporal-polyfill";
import type { CellReading } from "./cell-reading.ts";
import { readSize } from "../../rules/rtb/sizes.ts";
import type { ReportCells } from "./report-cells.ts";
import { shown } from "./reasons.ts";
import type { LineKey } from "./seen-keys.ts";
import type { Cells } from "./shapes.ts";

/** How long a line's QPS holds where it does not say so. */
const defaultSeconds = 3_600;
const mostSeconds = 86_400;
const rate = /^(\d{1,12})(?:\.(\d{1,9}))?$/;
const mostMoments = 10_000;
const most = 9_223_372_036_854_775_807n;

interface Moment {
  at: string;
  date: string;
  hour: number;
}

/** What a line of a bidder's traffic says beside what reports do: a moment, the size that was asked for, how often. */
export class TrafficCells {
  readonly #moments = new Map<string, Moment | null>();
  readonly #today: number;
  #moment: Moment = { at: "", date: "", hour: 0 };
  #seconds = defaultSeconds;
  #size = "";

  constructor(
    private readonly reading: CellReading,
    private readonly cells: ReportCells,
    private readonly key: LineKey,
  ) {
    this.#today = Number(reading.rules.today.replaceAll("-", ""));
  }

  /** Reads what several columns are made of; false when something is wrong with it. */
  take(cells: Cells): boolean {
    const text = this.cells.text(cells, "timestamp");
    const moment = this.#momentOf(text);
    if (moment === null)
      return this.cells.refuse(
        "timestamp",
        "timestamp",
        `${shown(text)} is no moment such as 2025-12-18T14:00:00Z, and no seconds since 1970`,
      );
    const day = Number(moment.date.replaceAll("-", ""));
    if (day > this.#today) return this.cells.refuse("timestamp", "timestamp", `${shown(text)} is in the future`);
    this.#moment = moment;
    this.key.day = day;
    const seconds = this.cells.text(cells, "seconds");
    if (seconds !== "" && !(/^\d{1,5}$/.test(seconds) && Number(seconds) >= 1 && Number(seconds) <= mostSeconds))
      return this.cells.refuse("count", "seconds", `${shown(seconds)} is not from 1 to ${mostSeconds}`);
    this.#seconds = seconds === "" ? defaultSeconds : Number(seconds);
    this.#size = this.cells.text(cells, "size");
    if (this.#size === "") return this.cells.refuse("text", "size", "is empty");
    if (readSize(this.#size) === null)
      return this.cells.refuse("text", "size", `${shown(this.#size)} is no size such as 300x250`);
    return true;
  }

  isOwn(column: string): boolean {
    return ["at", "date", "hour", "seconds", "size"].includes(column);
  }

  column(column: string): true {
    const { out } = this.reading;
    out.column();
    if (column === "at") out.text(this.#moment.at);
    else if (column === "date") out.text(this.#moment.date);
    else if (column === "hour") out.number(this.#moment.hour);
    else if (column === "seconds") out.number(this.#seconds);
    // One spelling for one size as it was sent: what a table tells apart must differ in more than a blank.
    else
      out.escaped(
        this.#size
          .toLowerCase()
          .replace(/\s*[x×*]\s*(?=\d)/, "x")
          .replace(/(?<=\d)\s?px$/, ""),
      );
    return true;
  }

  /** How often it was asked for: counted, or by the QPS of the time that the line is about. */
  requests(cells: Cells): boolean {
    if (this.cells.has("requests") && this.cells.text(cells, "requests") !== "")
      return this.cells.count(cells, "requests");
    const text = this.cells.text(cells, "qps");
    const [, whole, fraction = ""] = rate.exec(text) ?? [];
    if (whole === undefined)
      return this.cells.refuse(
        "count",
        this.cells.has("qps") ? "qps" : "requests",
        text === "" ? "is empty: a line has requests or qps" : `${shown(text)} is no number`,
      );
    const billionths = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
    const requests = (billionths * BigInt(this.#seconds) + 500_000_000n) / 1_000_000_000n;
    if (requests > most) return this.cells.refuse("count", "qps", `${shown(text)} is too much`);
    this.reading.out.column();
    this.reading.out.text(requests.toString());
    return true;
  }

  /** Moments come again in many lines. */
  #momentOf(text: string): Moment | null {
    const seen = this.#moments.get(text);
    if (seen !== undefined) return seen;
    const moment = readMoment(text, this.reading.rules.zone ?? "UTC");
    if (this.#moments.size >= mostMoments) this.#moments.clear();
    this.#moments.set(text, moment);
    return moment;
  }
}

const seconds1970 = /^\d{10}$/;
const withOffset = /^\d{4}-\d{2}-\d{2}T\d{2}(?::?\d{2}){0,2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}(?::?\d{2})?)$/i;
/** All of it: what stands behind the time would be an offset that is passed over. */
const withoutOffset = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?$/;

/** Without an offset it is by the clock of the reports' zone; an hour that a clock shows twice is the first of the two. */
function readMoment(text: string, zone: string): Moment | null {
  const written = text.replace(/^(\S+) +(?=\d)/, "$1T").replace(/ (?=(?:Z|[+-]\d{2}(?::?\d{2})?)$)/i, "");
  try {
    const instant = seconds1970.test(written)
      ? Temporal.Instant.fromEpochMilliseconds(Number(written) * 1_000)
      : withOffset.test(written)
        ? Temporal.Instant.from(written)
        : withoutOffset.test(written)
          ? Temporal.PlainDateTime.from(written).toZonedDateTime(zone).toInstant()
          : null;
    if (instant === null || instant.epochMilliseconds < Date.UTC(2000, 0, 1)) return null;
    const local = instant.toZonedDateTimeISO(zone);
    return { at: instant.toString(), date: local.toPlainDate().toString(), hour: local.hour };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
