import { toMicros } from "../../core/money.ts";
import { brandName } from "../rtb/brand-name.ts";
import { plainLine } from "../rtb/creative-content.ts";
import type { Item } from "./creative-facts.ts";
import { wordsOf } from "./similarity.ts";

const longest = 80;
const mostly = 0.6;

/** `Drop Frenzy – Puzzle – Brazil Portuguese`: what it is, of which kind, and where and in which language where most of it is. */
export function campaignName(items: readonly Item[]): string {
  const place = [countryOf(items), languageName(items)].filter((part) => part !== null).join(" ");
  const parts = [productOf(items), genreOf(items), place].filter((part) => part !== null && part !== "");
  return parts.join(" – ").slice(0, longest).trim();
}

/** The same name twice gets a number. */
export function uniqueName(name: string, taken: Set<string>): string {
  let unique = name;
  for (let number = 2; taken.has(unique.toLowerCase()); number += 1) {
    const suffix = ` (${number})`;
    unique = name.slice(0, longest - suffix.length) + suffix;
  }
  taken.add(unique.toLowerCase());
  return unique;
}

/** What most creatives are named by, as people spell it; else the advertiser, else the headline. */
function productOf(items: readonly Item[]): string {
  const detected = mostFrequent(items.map(({ brandName: name }) => name));
  const named = mostFrequent(items.flatMap(({ landings }) => landings.map(brandName)));
  const name = detected ?? (named === null ? null : (spelled(named, items) ?? named));
  const advertiser = mostFrequent(items.map((item) => item.advertiser));
  const other = advertiser === null ? mostFrequent(items.map(({ headline }) => headline)) : capitalised(advertiser);
  const plain = plainLine(name ?? other ?? "")
    .slice(0, 40)
    .trim();
  return plain.length < 3 ? "Unnamed" : plain;
}

/** Advertisers are compared in small letters, and read with capitals. */
const capitalised = (name: string) =>
  name.replaceAll(/(?<![\p{L}\p{N}'’])\p{L}/gu, (letter) => letter.toLocaleUpperCase("en"));

/** `Dropfrenzy`, as a package has it, is `Drop Frenzy` where the texts write so. */
function spelled(name: string, items: readonly Item[]): string | null {
  const wanted = wordsOf(name).join("");
  const found = items.flatMap(({ text }) => {
    const words = text.slice(0, 300).match(/[\p{L}\p{N}]+(?:\s?&)?/gu) ?? [];
    return words.flatMap((_, at) =>
      [1, 2, 3]
        .map((length) => words.slice(at, at + length).join(" "))
        .filter((run) => wordsOf(run).join("") === wanted),
    );
  });
  return mostFrequent(found);
}

/** Of which kind most of it is; null where nothing says, or several do. */
export function genreOf(items: readonly Item[]): string | null {
  const known = items.map(({ genre }) => genre).filter((genre) => genre !== null);
  return shareOf(known, known.length)?.name ?? null;
}

function languageName(items: readonly Item[]): string | null {
  const known = items.map(({ language }) => language).filter((language) => language !== "und");
  const most = shareOf(known, items.length);
  return most === null ? null : (new Intl.DisplayNames("en", { type: "language" }).of(most.name) ?? null);
}

/** Where most of the money goes. */
function countryOf(items: readonly Item[]): string | null {
  const sums = new Map<string, bigint>();
  for (const { spend } of items)
    for (const { country, amount } of spend) sums.set(country, (sums.get(country) ?? 0n) + toMicros(amount));
  const all = [...sums.values()].reduce((sum, one) => sum + one, 0n);
  const [most] = [...sums].sort(([one, first], [other, second]) =>
    second > first ? 1 : second < first ? -1 : one < other ? -1 : 1,
  );
  if (most === undefined || all <= 0n || most[1] * 10n < all * 6n || !/^[A-Z]{2}$/.test(most[0])) return null;
  return new Intl.DisplayNames("en", { type: "region" }).of(most[0]) ?? null;
}

function shareOf(names: readonly string[], of: number): { name: string } | null {
  const name = mostFrequent(names);
  if (name === null) return null;
  return names.filter((one) => one === name).length >= of * mostly ? { name } : null;
}

function mostFrequent(names: readonly (string | null)[]): string | null {
  const counts = new Map<string, number>();
  for (const name of names) if (name !== null && name !== "") counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([one, first], [other, second]) => second - first || (one < other ? -1 : 1))[0]?.[0] ?? null;
}
