import type { ComponentChildren } from "preact";
import { Temporal } from "temporal-polyfill";

/** How figures are written: one language, one way, everywhere. */
const locale = "en-US";
const counts = new Intl.NumberFormat(locale);
const moneys = new Map<string, Intl.NumberFormat>();

/** Dollars as $1,234.50; a currency the browser's tables do not know keeps its code. Decimal text stays exact. */
export function moneyText(amount: string, currency: string): string {
  let format = moneys.get(currency);
  if (format === undefined) {
    format = /^[A-Z]{3}$/.test(currency)
      ? new Intl.NumberFormat(locale, {
          style: "currency",
          currency,
          minimumFractionDigits: 2,
          maximumFractionDigits: 2,
        })
      : new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    moneys.set(currency, format);
  }
  return format.format(amount as `${number}`).replace("-", "−");
}

export const countText = (value: number | bigint | string) => counts.format(value as number).replace("-", "−");

/** A change against an earlier figure, in a word instead of a sign. A share of nothing, or of a loss, says nothing, and a loss that is less is a margin that is higher. */
export function changeText(now: number, before: number): string {
  if (now === before) return "the same";
  if (before === 0 && now > 0) return "new";
  if (before <= 0) return now > before ? "higher" : "lower";
  const word = now > before ? "more" : "less";
  // A half is rounded up: as a float it may lie a hair below itself.
  const percent = (Math.abs(now - before) / before) * 100 + 1e-9;
  if (percent < 0.05) return `under 0.1 % ${word}`;
  return `${percent.toFixed(percent >= 100 ? 0 : 1)} % ${word}`;
}

/** A figure beside an earlier one. None where one of them is not known. */
export function Change({
  now,
  before,
  than,
  why,
  of,
}: {
  now: string | null;
  before: string | null;
  than?: string;
  /** Where both stand: in the answer of a JSON route, or in the row of a table that names one. A test compares them. */
  of?: { json?: string; now: string; before: string };
  /** Where it is explained. */
  why?: string;
}) {
  if (now === null || before === null) return <None why={now === null ? "not known yet" : "nothing to compare with"} />;
  const text = changeText(Number(now), Number(before));
  const beside = than === undefined || text === "new" ? "" : ` ${text === "the same" ? "as" : "than"} ${than}`;
  const shown = `${text}${beside}`;
  return (
    <span
      class="change"
      {...(of === undefined
        ? {}
        : { "data-json": of.json, "data-now": of.now, "data-before": of.before, "data-change": text })}
    >
      {why === undefined ? (
        shown
      ) : (
        <a href={why} title="Why did it change?">
          {shown}
        </a>
      )}
    </span>
  );
}

/** A figure that is not known is a dash, and says why to whoever asks. */
export function None({ why }: { why: string | null }) {
  return why === null ? (
    <span class="none">–</span>
  ) : (
    <span class="none" title={why}>
      –<span class="visually-hidden"> ({why})</span>
    </span>
  );
}

/** A text from outside beside ours: one that turns the writing direction turns itself, and nothing beside it. */
export const Name = ({ of }: { of: ComponentChildren }) => <bdi>{of}</bdi>;

/** A moment, in the client's zone; the machine-readable one beside it. */
export function Moment({ at, zone, seconds = false }: { at: Date; zone: string; seconds?: boolean }) {
  return <time dateTime={at.toISOString()}>{momentText(at, zone, seconds)}</time>;
}

export function momentText(at: Date, zone: string, seconds = false): string {
  const local = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(zone);
  const time = local.toPlainTime().toString({ smallestUnit: seconds ? "second" : "minute" });
  return `${local.toPlainDate().toString()} ${time}`;
}

/** New York, as people say it, for captions: "EST". */
export function zoneName(zone: string, at: Date): string {
  const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "short" }).formatToParts(at);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? zone;
}

/** A short mark beside a figure or a row. Said in words; the colour only helps. */
export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}
export type Tone = "good" | "warning" | "bad" | "quiet" | "note";

/** Where a mock vendor made all of it up, its heading says so once instead of every row. */
export const areAllSandbox = (rows: readonly { origin: string }[]) =>
  rows.length > 0 && rows.every(({ origin }) => origin === "sandbox");

/** Marks what a mock vendor made up: nobody may take it for money. */
export function Origin({ of }: { of: string | null | undefined }) {
  return of === "sandbox" ? <Badge tone="warning">sandbox</Badge> : null;
}
