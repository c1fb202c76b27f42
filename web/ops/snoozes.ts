/** For how long a channel or an alert can be kept quiet, in hours; "0" takes it back. */
export const snoozes = { "1": "an hour", "8": "eight hours", "24": "a day", "168": "a week" } as const;
export const snoozeHours = ["0", ...Object.keys(snoozes)] as [string, ...string[]];

/** When it ends; null: at once. */
export const snoozedUntil = (hours: string, now: Date): string | null =>
  hours === "0" ? null : new Date(now.getTime() + Number(hours) * 3_600_000).toISOString();
