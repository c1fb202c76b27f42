const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** How long something lasts, in words: 45 seconds, 15 minutes, 18 hours. */
export function durationText(lasting: number): string {
  const seconds = Math.round(lasting);
  const [count, unit] =
    seconds < 2 * minute
      ? [seconds, "second"]
      : seconds < 2 * hour && seconds !== hour
        ? [seconds / minute, "minute"]
        : seconds < 7 * day
          ? [seconds / hour, "hour"]
          : [seconds / day, "day"];
  const rounded = Math.round(count);
  return `${rounded.toLocaleString("en-US")} ${unit}${rounded === 1 ? "" : "s"}`;
}
