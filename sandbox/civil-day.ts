const DAY_MS = 86_400_000;

export function isCivilDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const instant = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().slice(0, 10) === text;
}

/** Days since 1970-01-01: a civil day as a number, free of zones. */
export function dayNumber(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / DAY_MS;
}

/** Every civil day from `from` to `to`, both included. */
export function eachDay(from: string, to: string): string[] {
  const days: string[] = [];
  for (let number = dayNumber(from); number <= dayNumber(to); number += 1) {
    days.push(new Date(number * DAY_MS).toISOString().slice(0, 10));
  }
  return days;
}

const formatters = new Map<string, Intl.DateTimeFormat | null>();

function formatterOf(zone: string): Intl.DateTimeFormat | null {
  const known = formatters.get(zone);
  if (known !== undefined) return known;
  let formatter: Intl.DateTimeFormat | null = null;
  try {
    // Intl also takes offsets such as "+05:00"; the vendors want IANA names.
    if (/^[A-Za-z]/.test(zone)) {
      formatter = new Intl.DateTimeFormat("en-CA", {
        timeZone: zone,
        hourCycle: "h23",
        year: "numeric",
        month: "2-digit",
        day: "2-digit",
        hour: "2-digit",
        minute: "2-digit",
      });
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  // A caller who tries thousands of zone names must not fill the memory.
  if (formatters.size < 1_000) formatters.set(zone, formatter);
  return formatter;
}

export function isZone(zone: string): boolean {
  return formatterOf(zone) !== null;
}

/** The wall clock of a zone at an instant. */
export function civilTime(instant: Date, zone: string): { day: string; minute: number } {
  const formatter = formatterOf(zone);
  if (formatter === null) throw new RangeError(`unknown time zone ${zone}`);
  const part = Object.fromEntries(formatter.formatToParts(instant).map(({ type, value }) => [type, value]));
  return {
    day: `${part["year"]}-${part["month"]}-${part["day"]}`,
    minute: Number(part["hour"]) * 60 + Number(part["minute"]),
  };
}
