import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { describeIssues } from "../../core/typed.ts";
import { countryCodes } from "./countries.ts";
import { fieldsOf, fileFields, reportNames, requiredFields, type FileField } from "../../rules/files/file-kinds.ts";
import { plainHeader } from "../../rules/files/header-meanings.ts";
import { deviceTypes, type DeviceType } from "./devices.ts";

const names = z.array(z.string().min(1).max(200)).max(1_000);
const perField = <Value extends z.ZodType>(value: Value) => z.partialRecord(z.enum(fileFields), value);

const mappingSchema = z.strictObject({
  /** How a folder, an upload or a command asks for it. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "small letters, digits and hyphens"),
  /** What its files are, and so which table they go into; ad performance where it does not say. */
  kind: z.enum(["performance", ...reportNames]).optional(),
  /** A mapping whose sender offers this report beside it: who asks for that one gets this one, by the file's header. */
  family: z.string().max(64).optional(),
  /** For people: whose files these are. */
  title: z.string().min(1).max(200),
  /**
   * The headers a field is known by, best first. Case, blanks, underscores and a leading # do not count; a trailing
   * `*` stands for any ending, and `{currency}` for the three letters of a currency, which must then be the client's.
   */
  columns: perField(names),
  /** What a field is where the file has no column for it. */
  constants: perField(z.string().max(100)).default({}),
  /** Columns that name the currency of their line. */
  currencyColumns: names.default([]),
  /** Columns that must say the line's own day: a line about a week is no line about a day. */
  sameDayColumns: names.default([]),
  /** Columns that split no line: other measures, names, links. `*` at the end stands for any ending. */
  ignore: names.default([]),
  /** Columns that split lines finer than our key does. Lines of one key are then added, which "combine" must say. */
  sumOver: names.default([]),
  /** Reports that the sender offers, each with columns that only it has: the first that a file has names it to people. */
  reports: z
    .array(z.strictObject({ title: z.string().min(1).max(100), columns: names.min(1) }))
    .max(50)
    .optional(),
  /** Lines of one key within a file: the last one wins, or they are added. */
  combine: z.enum(["later", "sum"]),
  /** What 12/1/25 is. Without it such a date is refused; 2025-12-01, 2025/12/01 and 20251201 need no order. */
  dateOrder: z.enum(["month-day-year", "day-month-year"]).nullable().default(null),
  /** Whether 1.234,50 or 1,234.50 is meant. */
  decimal: z.enum(["point", "comma"]).default("point"),
  /**
   * Whether the sender groups thousands, so that a spend of "1,234" is one thousand and more. Without it a group is
   * read where it cannot be anything else, as in 1,234.50, and refused where it can.
   */
  thousands: z.boolean().default(false),
  /** Whether amounts have three places, so that 1.234 is a little more than one also where thousands might be grouped so. */
  threeDecimals: z.boolean().optional(),
  /** Whether countries may be written by their English names. */
  countryNames: z.boolean().default(false),
  /** Other names of countries. */
  geographies: z.record(z.string(), z.enum(countryCodes as [string, ...string[]])).default({}),
  /** Other names of devices. */
  devices: z.record(z.string(), z.enum(deviceTypes)).default({}),
  /** What stands in a cell of a dimension that has nothing to say. */
  absent: names.default([]),
  /** Measures in which an empty cell or a dash is a zero. */
  emptyIsZero: z.array(z.enum(["impressions", "clicks", "spend"])).default([]),
  /** How many lines may stand above the header. */
  preambleLines: z.int().min(0).max(100).default(0),
  totals: z
    .strictObject({
      /** What the first cell of a line of totals says, alone or before a colon, when the creative's cell is empty. */
      words: names.default(["Total", "Totals", "Grand total"]),
      /** Whether one line that has numbers and neither a creative nor any text is the export's summary. */
      summaryLine: z.boolean().default(false),
      /** Columns with names that only a summary leaves empty: what it is known by where the creative is a constant. */
      naming: names.optional(),
    })
    .default({ words: ["Total", "Totals", "Grand total"], summaryLine: false }),
  /** Where the file does not say it itself; "auto" takes UTF-8 and UTF-16 and nothing that would have to be guessed. */
  encoding: z.string().max(40).default("auto"),
  /** One of comma, semicolon, tab, bar; without it the header decides. */
  delimiter: z.enum([",", ";", "\t", "|"]).nullable().default(null),
});

type MappingText = z.infer<typeof mappingSchema>;

/** What the headers of a sender's files mean, and how the sender writes days and numbers. */
export interface FileMapping extends MappingText {
  devices: Record<string, DeviceType>;
  /** A hash of what the mapping says: a changed mapping is another version without anybody having to think of it. */
  version: string;
}

/** What is wrong with a mapping, each with its place. */
export class MappingError extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join("\n"));
    this.name = "MappingError";
  }
}

/** A mapping from what its JSON file says. */
export function parseMapping(json: unknown): FileMapping {
  const read = mappingSchema.safeParse(json);
  if (!read.success) throw new MappingError(describeIssues(read.error, "mapping"));
  const mapping = read.data;
  const problems = contradictions(mapping);
  if (problems.length > 0) throw new MappingError(problems);
  return { ...mapping, version: createHash("sha256").update(JSON.stringify(mapping)).digest("hex").slice(0, 16) };
}

/** What may be said of one file, or of one sender's files, beside a mapping. */
export const extensionSchema = mappingSchema.partial();
export type MappingExtension = z.input<typeof extensionSchema>;

/**
 * A mapping with some things said otherwise. What it says of a field, a country or a device comes before what the mapping
 * says; lists are added to; anything else takes the place of what was there. A header that is given another role leaves the
 * one that it had.
 */
export function extendMapping(base: FileMapping, extension: MappingExtension): FileMapping {
  const { version: _version, ...known } = base;
  const given = Object.values(extension.columns ?? {}).concat(
    ...[extension.ignore, extension.sumOver, extension.currencyColumns].map((list) => list ?? []),
  );
  const moved = new Set(given.flat().map(plainHeader));
  const others = (list: readonly string[]) => list.filter((header) => !moved.has(plainHeader(header)));
  const added = (list: readonly string[], more: readonly string[] | undefined) => [...others(list), ...(more ?? [])];
  const columns = Object.fromEntries(
    fileFields.flatMap((field) => {
      const headers = [...(extension.columns?.[field] ?? []), ...others(known.columns[field] ?? [])];
      return headers.length === 0 ? [] : [[field, headers]];
    }),
  );
  return parseMapping({
    ...known,
    ...extension,
    columns,
    constants: { ...known.constants, ...extension.constants },
    geographies: { ...known.geographies, ...extension.geographies },
    devices: { ...known.devices, ...extension.devices },
    ignore: added(known.ignore, extension.ignore),
    sumOver: added(known.sumOver, extension.sumOver),
    currencyColumns: added(known.currencyColumns, extension.currencyColumns),
    sameDayColumns: [...known.sameDayColumns, ...(extension.sameDayColumns ?? [])],
    absent: [...known.absent, ...(extension.absent ?? [])],
    emptyIsZero: [...new Set([...known.emptyIsZero, ...(extension.emptyIsZero ?? [])])],
  });
}

function contradictions(mapping: MappingText): string[] {
  const problems: string[] = [];
  if (mapping.sumOver.length > 0 && mapping.combine !== "sum")
    problems.push('sumOver: lines that it splits can only be added, so "combine" must be "sum"');
  for (const field of Object.keys({ ...mapping.columns, ...mapping.constants }) as FileField[])
    if (!fieldsOf(mapping.kind).includes(field) && field in mapping.columns)
      problems.push(`columns.${field}: files of this kind have no such field`);
  for (const field of requiredFields(mapping.kind))
    if (mapping.columns[field] === undefined && mapping.constants[field] === undefined)
      problems.push(`columns.${field}: name its headers, or give it a constant`);
  const uses = new Map<string, string>();
  const lists: [string, readonly string[]][] = [
    ...fileFields.map((field): [string, string[]] => [`columns.${field}`, mapping.columns[field] ?? []]),
    ["currencyColumns", mapping.currencyColumns],
    ["ignore", mapping.ignore],
    ["sumOver", mapping.sumOver],
  ];
  for (const [place, headers] of lists)
    for (const header of headers) {
      const other = uses.get(plainHeader(header));
      if (other !== undefined && other !== place) problems.push(`${place}: "${header}" stands in ${other} as well`);
      uses.set(plainHeader(header), place);
    }
  return problems;
}

export const shippedMappings: readonly FileMapping[] = [
  "document",
  "authorized-buyers",
  "google-ads",
  "meta",
  "ab-funnel-publisher",
  "ab-funnel-country",
  "ab-bids-in-auction",
  "ab-quality",
  "ab-invalid-traffic",
  "ab-bid-filtering",
  "rtb-traffic",
].map((name) => parseMapping(JSON.parse(readFileSync(new URL(`./mappings/${name}.json`, import.meta.url), "utf8"))));
/** A mapping that comes with the code, by its name. */
export function findMapping(name: string): FileMapping {
  const mapping = shippedMappings.find((one) => one.name === name);
  if (mapping !== undefined) return mapping;
  throw new Error(
    `no mapping is called "${name}": there are ${shippedMappings.map((one) => one.name).join(", ")}, and those in the folder of your own`,
  );
}
