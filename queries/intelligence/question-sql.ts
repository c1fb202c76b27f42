import {
  weekdays,
  type Comparison,
  type Condition,
  type Dimension,
  type Question,
  type Subject,
} from "../../rules/intelligence/question.ts";
import { spelledGenres } from "../rtb/genres.ts";
import type { SummedRows } from "./summed-rows.ts";

/** Where a dimension stands: in the rows of performance, in the creative, or in the campaigns that a creative is in. */
type Place = "row" | "creative" | "campaign";

interface Known {
  place: Place;
  /** What rows are put together by, as text; null or '' where it is not known. */
  key: string;
  /** Whether it is one of the values at `$n`, which are texts. */
  isIn: (values: string) => string;
  /** What values are made of what was asked for. */
  read?: (values: readonly string[]) => readonly string[];
}

const lowered = (values: readonly string[]) => values.map((one) => one.toLowerCase());
const plain = (place: Place, sql: string): Known => ({
  place,
  key: sql,
  isIn: (values) => `${sql} = any(${values}::text[])`,
});

/** From Monday, 0, to Sunday: `extract` would make a numeric of each row's. The first day of 1900 was a Monday. */
const weekdayOf = "(m.date - date '1900-01-01') % 7";

/** All that a question can name, each in our own SQL: what a person writes is a value and never a part of a statement. */
const known: Record<Subject, Known> = {
  country: plain("row", "m.geography"),
  device: plain("row", "m.device_type"),
  placement: plain("row", "m.placement"),
  hour: {
    place: "row",
    key: "nullif(m.hour, -1)::text",
    isIn: (values) => `m.hour = any(${values}::smallint[])`,
  },
  weekday: {
    place: "row",
    key: `(1 + ${weekdayOf})::text`,
    isIn: (values) => `1 + ${weekdayOf} = any(${values}::int[])`,
    read: (values) => values.map((name) => String(1 + (weekdays as readonly string[]).indexOf(name))),
  },
  day: plain("row", "m.date::text"),
  creative: {
    place: "creative",
    key: "c.id::text",
    isIn: (values) =>
      `(c.creative_id = any(${values}::text[]) or 'buyers/' || c.buyer_id || '/creatives/' || c.creative_id = any(${values}::text[]))`,
  },
  format: { place: "creative", key: "upper(c.format)", isIn: (values) => `upper(c.format) = any(${values}::text[])` },
  // Stored as `300x250 (Medium Rectangle)`; people write the first half.
  size: {
    place: "creative",
    key: "c.canonical_size",
    isIn: (values) =>
      `(c.canonical_size = any(${values}::text[]) or split_part(c.canonical_size, ' (', 1) = any(${values}::text[]))`,
  },
  seat: plain("creative", "c.buyer_id"),
  advertiser: {
    place: "creative",
    key: "c.advertiser_name",
    isIn: (values) => `lower(c.advertiser_name) = any(${values}::text[])`,
    read: lowered,
  },
  os: plain("creative", "c.app_store"),
  campaign: {
    place: "campaign",
    key: "k.campaign_id::text",
    isIn: (values) =>
      `(k.campaign_id::text = any(${values}::text[]) or lower(k.campaign_name) = any(${values}::text[]))`,
    read: lowered,
  },
  genre: {
    place: "campaign",
    key: "k.genre",
    isIn: (values) => `lower(k.genre) = any(${values}::text[])`,
    read: lowered,
  },
};

export const placeOf = (dimension: Subject): Place => known[dimension].place;

/** A condition's values as they stand in rows. */
export const readValues = ({ dimension, values }: Condition): readonly string[] =>
  known[dimension].read?.(values) ?? values;

/** Puts a value into a statement: it becomes a parameter. */
type Put = (value: unknown) => string;

/** Days that are read, and the first of those that are asked about: what is before it is compared with. */
export interface Window {
  client: string;
  first: string;
  from: string;
  to: string;
}

const inCampaigns = `rtb.campaign_creatives l join rtb.campaigns k on k._client_id = l._client_id and k.campaign_id = l.campaign_id`;

interface Written {
  place: Place;
  sql: string;
}

/** A condition in the place where it can be told: of campaigns, it holds for a creative that is in such a one. */
function written(condition: Condition, subject: Subject, put: Put): Written {
  const { place, isIn } = known[condition.dimension];
  const values = put(readValues(condition));
  const not = condition.is === "not_in" ? "not " : "";
  const holds = `coalesce(${isIn(values)}, false)`;
  if (place !== "campaign" || isOfMembers(condition.dimension, subject)) return { place, sql: `${not}${holds}` };
  return {
    place: "creative",
    sql: `${not}exists (select from ${inCampaigns} where l._client_id = c._client_id and l.creative_id = c.id and ${holds})`,
  };
}

/** Where rows are of campaigns already, a condition is about that campaign and not about another of its creative. */
const isOfMembers = (dimension: Dimension, subject: Subject) =>
  subject === "campaign" || (subject === "genre" && dimension === "genre");

/** Which rows are the one side and which the other; null where there is but one. */
function sides({ compare, subject }: Question, { from }: Window, put: Put): { own: Written; other: Written } | null {
  if (compare?.with === "period_before") {
    const day = put(from);
    return {
      own: { place: "row", sql: `m.date >= ${day}::date` },
      other: { place: "row", sql: `m.date < ${day}::date` },
    };
  }
  if (compare?.with !== "slice") return null;
  const own = written(compare.slice, subject, put);
  const other = written(otherOf(compare), subject, put);
  return { own, other };
}

/** All that is not in the slice, where nothing else is named. */
export const otherOf = ({ slice, against }: Extract<Comparison, { with: "slice" }>): Condition =>
  against ?? { ...slice, is: slice.is === "in" ? "not_in" : "in" };

const measures = ["impressions", "clicks", "spend"] as const;
const summed = measures.map((name) => `sum(m.${name}) as ${name}`).join(", ");

interface Parts {
  /** Where a side of a row is told, in its own columns or in its creative's. */
  isOwn: string;
  isOther: string;
  rows: string[];
  creatives: string[];
  members: string[];
}

function partsOf(question: Question, window: Window, put: Put): Parts & { bits: { own: string; other: string } } {
  const conditions = question.where.map((one) => written(one, question.subject, put));
  const of = (place: Place) => conditions.filter((one) => one.place === place).map(({ sql }) => sql);
  const asked = sides(question, window, put);
  const bit = (side: Written | undefined) => (side?.place === "row" ? side.sql : "true");
  const later = (side: Written | undefined) => (side === undefined || side.place === "row" ? "true" : side.sql);
  return {
    bits: { own: bit(asked?.own), other: bit(asked?.other) },
    isOwn: later(asked?.own),
    isOther: asked === null ? "false" : later(asked.other),
    ...{ rows: of("row"), creatives: of("creative"), members: of("campaign") },
  };
}

const sidesSql = ({ isOwn, isOther }: Pick<Parts, "isOwn" | "isOther">) =>
  measures
    .flatMap((name) => [
      `sum(r.${name}) filter (where r.is_own and ${isOwn}) as own_${name}`,
      `sum(r.${name}) filter (where r.is_other and ${isOther}) as other_${name}`,
    ])
    .join(", ");

/** Rows of the window that the conditions leave. */
function rowsSql(
  { rows, creatives }: Parts,
  window: Window,
  put: Put,
  { client, joined = "", days }: { client: string; joined?: string; days?: readonly string[] | undefined },
): string {
  const chosen =
    creatives.length === 0
      ? []
      : [
          `m.creative_id in (select c.id from rtb.creatives c where c._client_id = ${client} and ${creatives.join(" and ")})`,
        ];
  return `rtb.performance_metrics m ${joined} where ${[
    `m._client_id = ${client}`,
    `m.date between ${put(window.first)}::date and ${put(window.to)}::date`,
    ...(days === undefined ? [] : [`m.date = any(${put(days)}::date[])`]),
    ...rows,
    ...chosen,
  ].join(" and ")}`;
}

/** Sums that were made elsewhere, as rows; of the days that they lack, the rows themselves. */
function summedSql(
  { creatives, own, dates, isOwn, isOther, impressions, clicks, spend, unmirrored }: SummedRows,
  put: Put,
  { isByDay, unmirroredSql }: { isByDay: boolean; unmirroredSql: (days: readonly string[]) => string },
): string {
  const columns = [
    { name: "creative_id", sql: `${put(creatives)}::bigint[]` },
    { name: "own", sql: `${put(own)}::text[]` },
    ...(isByDay ? [{ name: "date", sql: `${put(dates)}::date[]` }] : []),
    { name: "is_own", sql: `${put(isOwn)}::boolean[]` },
    { name: "is_other", sql: `${put(isOther)}::boolean[]` },
    { name: "impressions", sql: `${put(impressions)}::numeric[]` },
    { name: "clicks", sql: `${put(clicks)}::numeric[]` },
    { name: "spend", sql: `${put(spend)}::numeric(38,6)[]` },
  ];
  return [
    `select * from unnest(${columns.map(({ sql }) => sql).join(", ")}) u(${columns.map(({ name }) => name).join(", ")})`,
    ...(unmirrored.length === 0 ? [] : [unmirroredSql(unmirrored)]),
  ].join(" union all ");
}

/**
 * Creatives that the conditions leave, each with the first that the question treats alike: sums of the two may be one sum.
 * `isLimited`: there are others.
 */
export function groupsSql(question: Question, window: Window, put: Put): { sql: string; isLimited: boolean } {
  const { subject } = question;
  const client = put(window.client);
  const { creatives } = partsOf(question, window, put);
  const sided = sides(question, window, put);
  const alike = [
    "c.origin",
    ...(placeOf(subject) === "creative" ? [known[subject].key] : []),
    ...(placeOf(subject) === "campaign"
      ? [
          "(select array_agg(l.campaign_id order by l.campaign_id) from rtb.campaign_creatives l where l._client_id = c._client_id and l.creative_id = c.id)",
        ]
      : []),
    ...[sided?.own, sided?.other].flatMap((side) => (side?.place === "creative" ? [`(${side.sql})`] : [])),
  ];
  return {
    sql: `select c.id::text as id, min(c.id) over (partition by ${alike.join(", ")})::text as first
            from rtb.creatives c where ${[`c._client_id = ${client}`, ...creatives].join(" and ")}`,
    isLimited: creatives.length > 0,
  };
}

/**
 * Sums of each part, for each side: rows are put together by their creative and by what stands in them first, and joined
 * when they are few.
 */
export function partsSql(question: Question, window: Window, put: Put, summedRows: SummedRows | null = null): string {
  const { subject } = question;
  const client = put(window.client);
  const parts = partsOf(question, window, put);
  const key = placeOf(subject) === "row" ? known[subject].key : "''";
  const read = (days?: readonly string[]) =>
    `select m.creative_id, ${key} as own, ${parts.bits.own} as is_own, ${parts.bits.other} as is_other, ${summed}
                from ${rowsSql(parts, window, put, { client, days })} group by 1, 2, 3, 4`;
  const rows = summedRows === null ? read() : summedSql(summedRows, put, { isByDay: false, unmirroredSql: read });
  return `select ${keyOf(subject)} as subject, ${sidesSql(parts)}, bool_or(c.origin = 'real') as is_real, bool_and(c.origin = 'sandbox') as is_sandbox
        from (${rows}) r
        join rtb.creatives c on c._client_id = ${client} and c.id = r.creative_id ${members(subject, client, parts.members)}
       group by 1`;
}

const keyOf = (subject: Subject) => `coalesce(${placeOf(subject) === "row" ? "r.own" : known[subject].key}, '')`;

/** The same by day, of the parts with these keys: how much they vary is not worth reading of all. */
export function daysSql(question: Question, window: Window, keys: readonly string[], put: Put): string {
  const { subject } = question;
  const client = put(window.client);
  const parts = partsOf(question, window, put);
  const { bits, isOwn, isOther } = parts;
  const key = placeOf(subject) === "row" ? `coalesce(${known[subject].key}, '')` : keyOf(subject);
  const wanted = [
    `${key} = any(${put(keys)}::text[])`,
    // Few creatives are found by the index, where their texts are not.
    ...(subject === "creative" ? [`m.creative_id = any(${put(keys)}::bigint[])`] : []),
  ];
  const joined = `join rtb.creatives c on c._client_id = ${client} and c.id = m.creative_id ${members(subject, client, parts.members)}`;
  return `select r.subject, r.date, ${sidesSql({ isOwn: "true", isOther: "true" })}
        from (select ${key} as subject, m.date, ${bits.own} and ${isOwn} as is_own, ${bits.other} and ${isOther} as is_other, ${summed}
                from ${rowsSql(parts, window, put, { client, joined })} and ${wanted.join(" and ")} group by 1, 2, 3, 4) r
       group by 1, 2`;
}

/** The same of sums that were made elsewhere: by creative and day, and joined to what the creative is in. */
export function summedDaysSql(
  question: Question,
  window: Window,
  { keys, rows }: { keys: readonly string[]; rows: SummedRows },
  put: Put,
): string {
  const { subject } = question;
  const client = put(window.client);
  const parts = partsOf(question, window, put);
  const key = placeOf(subject) === "row" ? known[subject].key : "''";
  const read = (days: readonly string[]) =>
    `select m.creative_id, ${key} as own, m.date, ${parts.bits.own} as is_own, ${parts.bits.other} as is_other, ${summed}
       from ${rowsSql(parts, window, put, { client, days })} group by 1, 2, 3, 4, 5`;
  const sums = measures.map((name) => `sum(x.${name}) as ${name}`).join(", ");
  const subjectKey = keyOf(subject).replaceAll("r.own", "x.own");
  return `select r.subject, r.date, ${sidesSql({ isOwn: "true", isOther: "true" })}
        from (select ${subjectKey} as subject, x.date, x.is_own and ${parts.isOwn} as is_own, x.is_other and ${parts.isOther} as is_other, ${sums}
                from (${summedSql(rows, put, { isByDay: true, unmirroredSql: read })}) x
                join rtb.creatives c on c._client_id = ${client} and c.id = x.creative_id ${members(subject, client, parts.members)}
               where ${subjectKey} = any(${put(keys)}::text[]) group by 1, 2, 3, 4) r
       group by 1, 2`;
}

/** Campaigns of a creative where rows are of them; a genre counts a creative once, in however many of its campaigns it is. */
function members(subject: Subject, client: string, conditions: readonly string[]): string {
  if (placeOf(subject) !== "campaign") return "";
  const where = [`l._client_id = ${client}`, ...conditions].join(" and ");
  if (subject === "campaign")
    return `join (select distinct l.creative_id, k.campaign_id, k.campaign_name, k.genre from ${inCampaigns} where ${where}) k on k.creative_id = c.id`;
  return `join (select distinct l.creative_id, genres.spelling as genre from ${inCampaigns}
                  left join ${spelledGenres(client)} on genres.key = lower(k.genre) where ${where}) k on k.creative_id = c.id`;
}
