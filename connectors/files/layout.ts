import { fileFields, isMeasure, type FileField } from "../../rules/files/file-kinds.ts";
import { plainHeader, type Meanings, type Use } from "../../rules/files/header-meanings.ts";
import { describeMismatch, matchHeader } from "../../rules/files/recognise.ts";
import type { FileMapping } from "./mapping.ts";
import { FileRefused, named } from "./reasons.ts";
import type { Layout, RefusalCode } from "./shapes.ts";

/** More columns than this are not read. */
export const mostColumns = 1_000;

/** What a header is read by. */
interface Reading {
  mapping: FileMapping;
  meanings: Meanings;
  /** The client's. */
  currency: string;
  /** Of the header, in its file. */
  line: number;
}

/** Says which column of a file is what, or everything that is wrong with its header. */
export function layOut(record: readonly string[], reading: Reading): Layout {
  const { mapping, meanings, currency } = reading;
  const names = record.map((header) => header.trim());
  const layout: Layout = {
    width: names.length,
    names,
    place: Object.fromEntries(fileFields.map((field) => [field, -1])) as Record<FileField, number>,
    currency: [],
    sameDay: [],
    nameless: [],
    used: new Uint8Array(names.length),
    summedOver: [],
    summaryBlank: [],
  };
  const finer = placeColumns(layout, reading);
  const match = matchHeader(names, mapping, meanings);
  const mismatch = describeMismatch(match);
  if (mismatch !== null) {
    const [missing] = match.missing;
    if (missing !== undefined) throw refusal(reading, "missing_column", mismatch, missing);
    throw refusal(reading, "unknown_column", mismatch, match.unknown[0] ?? null);
  }
  layout.summaryBlank = blankInSummary(layout, mapping, finer);
  const spend = names[layout.place.spend];
  const said = spend === undefined ? null : meanings.currencyIn(spend);
  if (spend !== undefined && said !== null)
    throw refusal(
      reading,
      "currency",
      `the column ${named(spend)} is in ${said}, and this client's spend is in ${currency}`,
      spend,
    );
  for (const place of [...Object.values(layout.place), ...layout.currency, ...layout.sameDay, ...layout.nameless])
    if (place >= 0) layout.used[place] = 1;
  return layout;
}

/** Puts every known column in its place; gives back where the columns are that split lines finer than our key. */
function placeColumns(layout: Layout, reading: Reading): number[] {
  const finer: number[] = [];
  const ranks = new Map<FileField, { rank: number; place: number }>();
  const seen = new Map<string, number>();
  layout.names.forEach((name, place) => {
    const plain = plainHeader(name);
    if (plain === "") return void layout.nameless.push(place);
    const uses = reading.meanings.of(name);
    if (uses.length === 0) return;
    if (uses.some((use) => use.kind !== "ignore") && seen.has(plain))
      throw refusal(
        reading,
        "doubled_column",
        `the column ${named(name)} is there twice, as number ${(seen.get(plain) ?? 0) + 1} and ${place + 1}`,
        name,
      );
    seen.set(plain, place);
    for (const use of uses) {
      if (use.kind === "currency") layout.currency.push(place);
      else if (use.kind === "sameDay") layout.sameDay.push(place);
      else if (use.kind === "sumOver") {
        layout.summedOver.push(name);
        finer.push(place);
      } else if (use.kind === "field") placeField(layout, reading, ranks, { ...use, place });
    }
  });
  return finer;
}

/** Of several columns of one field the best known is taken; a dimension that is left out must not be dropped silently. */
function placeField(
  layout: Layout,
  reading: Reading,
  ranks: Map<FileField, { rank: number; place: number }>,
  use: Extract<Use, { kind: "field" }> & { place: number },
): void {
  const { field, rank, place } = use;
  const nameAt = (at: number) => layout.names[at] ?? "";
  const other = ranks.get(field);
  if (other === undefined || rank < other.rank) {
    ranks.set(field, { rank, place });
    layout.place[field] = place;
  }
  if (other === undefined) return;
  const both = `${named(nameAt(other.place))} and ${named(nameAt(place))}`;
  if (other.rank === rank) throw refusal(reading, "doubled_column", `${both} say the same`, nameAt(place));
  if (isMeasure(field)) return;
  if (reading.mapping.combine !== "sum")
    throw refusal(reading, "doubled_column", `${both} both say ${field}`, nameAt(place));
  layout.summedOver.push(nameAt(other.rank < rank ? place : other.place));
}

function refusal({ line }: Reading, code: RefusalCode, why: string, column: string | null): FileRefused {
  return new FileRefused(code, `line ${line}: ${why}`, { line, column });
}

/**
 * A summary has no creative and none of our dimensions. Where the creative is a constant it is known by what else names or
 * splits the lines; a day is no sign where the exporter writes the reported range there.
 */
function blankInSummary({ place, names, sameDay }: Layout, mapping: FileMapping, finer: readonly number[]): number[] {
  const dimensions = [place.creative_id, place.geography, place.device_type, place.placement, place.hour];
  if (place.creative_id >= 0) return dimensions.filter((column) => column >= 0);
  const naming = new Set(mapping.totals.naming?.map(plainHeader));
  const named = names.flatMap((name, column) => (naming.has(plainHeader(name)) ? [column] : []));
  const day = sameDay.includes(place.date) ? -1 : place.date;
  return [...dimensions, place.buyer_id, day, ...finer, ...named].filter((column) => column >= 0);
}
