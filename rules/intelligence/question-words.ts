import { withoutDirection } from "../../core/direction.ts";
import { countryNamed } from "./country-name.ts";
import {
  isRatio,
  sortOf,
  type Comparison,
  type Condition,
  type Dimension,
  type Metric,
  type Question,
  type Subject,
} from "./question.ts";

export const subjectWords: Record<Subject, string> = {
  campaign: "campaigns",
  creative: "creatives",
  genre: "genres",
  format: "formats",
  size: "sizes",
  country: "countries",
  device: "devices",
  os: "operating systems",
  placement: "placements",
  seat: "seats",
  advertiser: "advertisers",
  weekday: "weekdays",
  hour: "hours of the day",
  day: "days",
};

export const metricWords: Record<Metric, string> = {
  impressions: "impressions",
  clicks: "clicks",
  spend: "spend",
  ctr: "CTR",
  cpc: "CPC",
  cpm: "CPM",
};

const systemNames: Record<string, string> = { ios: "iOS", android: "Android" };
const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** A value as people read it. */
export function valueWords(dimension: Subject, value: string): string {
  if (dimension === "country") return countryNamed(value);
  if (dimension === "weekday") return capitalised(value);
  if (dimension === "os") return systemNames[value] ?? value;
  if (dimension === "hour") return `${value}:00`;
  return withoutDirection(value);
}

/** What goes before a value, so that `1` is not read as a number of something. */
const named: Partial<Record<Dimension, string>> = {
  campaign: "campaign",
  creative: "creative",
  genre: "genre",
  format: "format",
  size: "size",
  placement: "placement",
  seat: "seat",
  advertiser: "advertiser",
  device: "device",
};

const or = (texts: readonly string[]) =>
  texts.length < 2 ? (texts[0] ?? "") : `${texts.slice(0, -1).join(", ")} or ${texts.at(-1)}`;

function part({ dimension, is, values }: Condition): string {
  const isWeekend =
    dimension === "weekday" && values.length === 2 && values.includes("saturday") && values.includes("sunday");
  if (isWeekend) return is === "in" ? "weekends" : "Mondays to Fridays";
  const list = or(
    values.map((value) =>
      dimension === "weekday" ? `${valueWords(dimension, value)}s` : valueWords(dimension, value),
    ),
  );
  const text = named[dimension] === undefined ? list : `${named[dimension]} ${list}`;
  return is === "in" ? text : `all but ${text}`;
}

const at = ({ dimension }: Condition) =>
  dimension === "hour" ? "at" : dimension === "os" || dimension === "weekday" ? "on" : "in";
const withPlace = (condition: Condition) =>
  part(condition) === "weekends" ? "at weekends" : `${at(condition)} ${part(condition)}`;

function apart(by: Extract<Comparison, { by: unknown }>["by"], metric: Metric): string {
  if ("percent" in by) return Number(by.percent) === 0 ? "" : `more than ${by.percent} % `;
  return Number(by.amount) === 0 ? "" : `more than ${by.amount}${metric === "ctr" ? " points" : ""} `;
}

function comparedWords({ metric, compare }: Question): string {
  if (compare === null) return "";
  const name = metricWords[metric];
  if (compare.with === "value")
    return ` whose ${name} is ${compare.is} ${compare.value}${metric === "ctr" ? " %" : ""}`;
  const far = `${apart(compare.by, metric)}${compare.is}`;
  switch (compare.with) {
    case "slice": {
      const other = compare.against === null ? "the rest" : `that ${withPlace(compare.against)}`;
      return ` whose ${name} ${withPlace(compare.slice)} is ${far} ${other}`;
    }
    case "rest":
      return ` whose ${name} is ${far} that of all others`;
    case "median":
      return ` whose ${name} is ${far} the median of them all`;
    case "period_before":
      return ` whose ${name} is ${far} that of as many days before`;
  }
}

function periodWords({ period }: Question): string {
  if ("days" in period)
    return period.days === 1 ? "on the last complete day" : `in the last ${period.days} complete days`;
  return period.from === period.to ? `on ${period.from}` : `from ${period.from} to ${period.to}`;
}

function floorWords({ floor, compare }: Question): string[] {
  const parts = [
    ...(floor.impressions > 0 ? [`${floor.impressions} impressions`] : []),
    ...(floor.clicks > 0 ? [`${floor.clicks} clicks`] : []),
    ...(Number(floor.spend) > 0 ? [`${floor.spend} of spend`] : []),
  ];
  if (parts.length === 0) return [];
  const sides = compare?.with === "slice" || compare?.with === "period_before" ? " on each side" : "";
  return [`with at least ${parts.join(" and ")}${sides}`];
}

function orderWords(question: Question): string {
  const { metric, direction, limit } = question;
  const sort = sortOf(question);
  const what = sort === "metric" ? metricWords[metric] : sort;
  return `the ${direction === "most" ? "greatest" : "least"} ${what} first, ${limit} at most`;
}

/** The question as a sentence: what will be asked, and nothing else. */
export function inWords(question: Question): string {
  const { subject, metric, compare, where, only_clear: onlyClear } = question;
  const head =
    compare === null
      ? `${subjectWords[subject]} by ${metricWords[metric]}`
      : `${subjectWords[subject]}${comparedWords(question)}`;
  const sentence = [
    capitalised(head),
    ...where.map((one) => withPlace(one)),
    periodWords(question),
    ...floorWords(question),
    ...(onlyClear && isRatio(metric) ? ["only where chance is no explanation (90 % confidence)"] : []),
  ].join(", ");
  return `${sentence}; ${orderWords(question)}.`;
}

/** What a row's figures are called, for the heads of a table. */
export function sideWords({ metric, compare }: Question): { value: string; other: string | null } {
  const name = metricWords[metric];
  switch (compare?.with) {
    case undefined:
    case "value":
      return { value: name, other: null };
    case "slice":
      return {
        value: `${name} ${withPlace(compare.slice)}`,
        other: compare.against === null ? `${name} of the rest` : `${name} ${withPlace(compare.against)}`,
      };
    case "rest":
      return { value: name, other: `${name} of all others` };
    case "median":
      return { value: name, other: `median ${name}` };
    case "period_before":
      return { value: name, other: `${name} before` };
  }
}
