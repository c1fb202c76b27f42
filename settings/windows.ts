import { z } from "zod";
import { about } from "../core/about-setting.ts";
import { isDay, isTimeZone } from "../core/days.ts";
import { settingName } from "../core/setting-name.ts";
import type { SettingsReader } from "./reader.ts";
import { wholeNumber } from "./shapes.ts";

/**
 * Which days a run reads beside its own: `incremental` those that are not final, `rolling` also the last days again
 * once a day, `full` everything from a day on once a day.
 */
export interface Window {
  mode: "incremental" | "rolling" | "full";
  lookbackDays: number;
  from?: string | undefined;
}

/** When a source is fetched by schedule: at `minute` past each of these hours, both included. */
export interface Schedule {
  hours: { from: number; to: number };
  minute: number;
  /** Shown beside the schedule in Temporal's UI. */
  comment: string;
}

/** The same for one source, by the clock of its zone. */
export interface SyncSchedule extends Schedule {
  source: string;
  vendor: string;
  timezone: string;
}

/** What the configuration needs to know of a source. */
export interface SourceSettings {
  name: string;
  vendor: { name: string };
  window: Window;
  slices: { timezone: string; isSet?: boolean };
  schedule: Schedule;
  /** Scheduled for those alone who have a key. */
  isOptional?: boolean;
}

/** What can be set for any source. */
export function windowShape({ name, window, slices }: SourceSettings) {
  const prefix = settingName(name);
  return z.object({
    [`${prefix}_MODE`]: z
      .enum(["incremental", "rolling", "full"])
      .default(window.mode)
      .meta(
        about(
          "Which earlier days a run reads beside its own: `incremental` those that are not final, `rolling` also the last days again once a day, `full` everything from a day on once a day.",
        ),
      ),
    [`${prefix}_LOOKBACK_DAYS`]: wholeNumber(0, 400)
      .default(window.lookbackDays)
      .meta(about("How many earlier days a run looks back on.", { unit: "days" })),
    [`${prefix}_FROM`]: z
      .string()
      .refine(isDay, "must be a day, YYYY-MM-DD")
      .optional()
      .meta(about("The first day there is; the mode `full` needs it.", { unit: "day", example: "2025-12-01" })),
    ...(slices.isSet === true
      ? {
          [`${prefix}_TIMEZONE`]: z
            .string()
            .refine(isTimeZone, "must be a time zone, such as America/New_York")
            .default(slices.timezone)
            .meta(about("By whose clock its days begin and end.", { example: "America/New_York" })),
        }
      : {}),
  });
}

/** Zones of the feeds whose zone is a setting. */
export function readZones(reader: SettingsReader, feeds: readonly SourceSettings[]): Map<string, string> {
  return new Map(
    feeds
      .filter(({ slices }) => slices.isSet === true)
      .map((feed) => [feed.name, String(reader.values(windowShape(feed))[`${settingName(feed.name)}_TIMEZONE`])]),
  );
}

/** By whose clock a feed's days begin and end. */
export function zoneOfFeed(
  { zones }: { zones: ReadonlyMap<string, string> },
  { name, slices }: Pick<SourceSettings, "name" | "slices">,
): string {
  return zones.get(name) ?? slices.timezone;
}

export function readWindows(reader: SettingsReader, sources: readonly SourceSettings[]): Map<string, Window> {
  return new Map(sources.map((source) => [source.name, readWindow(reader, source)]));
}

function readWindow(reader: SettingsReader, source: SourceSettings): Window {
  const prefix = settingName(source.name);
  const values = reader.values(windowShape(source));
  const from = values[`${prefix}_FROM`] ?? source.window.from;
  const window = {
    mode: values[`${prefix}_MODE`],
    lookbackDays: values[`${prefix}_LOOKBACK_DAYS`],
    ...(from === undefined ? {} : { from }),
  } as Window;
  if (window.mode === "full" && window.from === undefined)
    reader.problem(`${prefix}_FROM is missing: the mode "full" needs the day to start from`);
  return window;
}
