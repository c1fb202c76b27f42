import stringWidth from "string-width";
import { withDirectionNamed } from "../../core/direction.ts";
import type { Redact } from "../../core/redact.ts";

export type Cell = string | number | null;

/** Columns side by side, as wide as they look on a terminal; a column of numbers is right-aligned. */
export function table(headings: string[], rows: Cell[][]): string[] {
  const texts = rows.map((row) => row.map((cell) => (cell === null ? "-" : withDirectionNamed(String(cell)))));
  const widths = headings.map((heading, column) =>
    Math.max(shownWidth(heading), ...texts.map((row) => shownWidth(row[column] ?? ""))),
  );
  const numeric = headings.map((_, column) => texts.length > 0 && texts.every((row) => isNumeric(row[column] ?? "")));
  const line = (row: string[]) =>
    row
      .map((text, column) => {
        const blank = " ".repeat(Math.max(0, (widths[column] ?? 0) - shownWidth(text)));
        return numeric[column] === true ? blank + text : text + blank;
      })
      .join("  ")
      .trimEnd();
  return [line(headings), line(widths.map((width) => "-".repeat(width))), ...texts.map(line)];
}

/** Most cells are plain: splitting each into what a terminal shows as one sign takes longer than the query. */
function shownWidth(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : stringWidth(text);
}

function isNumeric(text: string): boolean {
  return /^([-+~]?\d[\d,.]*|-|)$/.test(text);
}

/** `1 day`, `3 days`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** The zone of the vendors' days, which every command and the panel print their times in. Documents keep UTC. */
const shownZone = "America/New_York";
const clock = new Intl.DateTimeFormat("en-CA", {
  timeZone: shownZone,
  hourCycle: "h23",
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});

/** To the second, with the zone: `2025-12-18 07:00:00 EST`. */
export function instant(moment: Date | null): string {
  if (moment === null) return "never";
  const part = Object.fromEntries(clock.formatToParts(moment).map(({ type, value }) => [type, value]));
  const day = `${part["year"]}-${part["month"]}-${part["day"]}`;
  return `${day} ${part["hour"]}:${part["minute"]}:${part["second"]} ${part["timeZoneName"]}`;
}

export interface Progress {
  show: (text: string) => void;
  end: () => void;
}

const lineEveryMs = 5_000;

/** On a terminal one line that is rewritten; elsewhere a line now and then. */
export function createProgress(stream: NodeJS.WriteStream, redact: Redact): Progress {
  let shown = "";
  let lastLineAt = 0;
  return {
    show(text) {
      const clean = redact(text);
      if (clean === shown) return;
      if (stream.isTTY) {
        stream.write(`\r\x1b[2K${clean.slice(0, Math.max(20, stream.columns - 1))}`);
      } else {
        if (Date.now() - lastLineAt < lineEveryMs) return;
        lastLineAt = Date.now();
        stream.write(`${clean}\n`);
      }
      shown = clean;
    },
    end() {
      if (stream.isTTY && shown !== "") stream.write("\r\x1b[2K");
      shown = "";
    },
  };
}

/** Every text in a document, cleaned one by one, so that the JSON around it stays whole. */
export function redactDocument(value: unknown, redact: Redact): unknown {
  if (typeof value === "string") return redact(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => redactDocument(item, redact));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, redactDocument(field, redact)]));
}

/** What comes from outside: a terminal would obey what is hidden in it. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");
}
