import { Big } from "big.js";
import { groupBy } from "../../core/group-by.ts";
import { sumMoney } from "../../core/money.ts";
import { median } from "../../core/quantiles.ts";
import { floors, windowWeeks, type CampaignTraits, type Cell } from "./opportunity-cells.ts";
import { discoveries, dispersionOf, normalCdf, togetherness } from "../shared/statistics.ts";

/** Clicks of one genre in one country, over all its campaigns. */
export interface MatrixCell {
  genre: string;
  geography: string;
  campaigns: number;
  clicks: number;
  spend: string;
  impressions: number;
  /** Few clicks or little spend say nothing of a price. */
  isEnough: boolean;
}

/** In one genre two countries differ otherwise than in the others. */
export interface GeographicPattern {
  genre: string;
  /** Where the genre's clicks are dear, and where they are cheap, for what the other genres pay there. */
  dear: string;
  cheap: string;
  /** Price in the dear country by the price in the cheap one: of this genre, and the median of the others. */
  ratio: number;
  othersRatio: number;
  /** The first by the second, with 90 % between the bounds. */
  factor: number;
  low: number;
  high: number;
  confidence: number;
  /** Campaigns of the genre that show it, each on its own. */
  campaigns: number[];
  otherGenres: string[];
  spendWeekly: string;
  savingsWeekly: string;
}

const unclassified = "unclassified";

/** The whole matrix; a campaign without a genre is shown, and makes no pattern. */
export function matrixOf(cells: readonly Cell[], traits: ReadonlyMap<number, CampaignTraits>): MatrixCell[] {
  const groups = groupBy(
    cells.filter(({ subject, own }) => subject !== "" && (own.clicks > 0 || own.spend > 0)),
    ({ campaignId, subject }) => `${traits.get(campaignId)?.genre ?? unclassified}\u0000${subject}`,
  );
  return [...groups].map(([key, all]) => {
    const [genre = "", geography = ""] = key.split("\u0000");
    const clicks = all.reduce((sum, { own }) => sum + own.clicks, 0);
    const spend = sumMoney(all.map(({ own }) => own.spendText));
    return {
      ...{ genre, geography, clicks, spend },
      campaigns: new Set(all.map(({ campaignId }) => campaignId)).size,
      impressions: all.reduce((sum, { own }) => sum + own.impressions, 0),
      isEnough: clicks >= floors.clicks && Number(spend) >= floors.spendUsd,
    };
  });
}

/** The logarithm of a price, and how well it is known. */
interface Price {
  log: number;
  variance: number;
  spend: string;
}

/** Of each genre and country, of all campaigns and of each. */
interface Prices {
  whole: Map<string, Price>;
  campaigns: Map<number, Map<string, Price>>;
}

const least = { campaigns: 2, factor: 1.5, z: 1.2815515655446004 };
const bothSides90 = 1.6448536269514722;

/**
 * Ratios of ratios: what a genre pays in one country against another, against the median of what the other genres pay there.
 * It takes two campaigns that each show it, a factor of 1.5, and to stand among all pairs that were compared.
 */
export function findPatterns(cells: readonly Cell[], traits: ReadonlyMap<number, CampaignTraits>): GeographicPattern[] {
  const together = togetherness(cells.map(({ own }) => own));
  const genres = pricesByGenre(cells, traits, together);
  const compared = [...genres].flatMap(([genre, prices]) => {
    const countries = [...prices.whole.keys()].sort();
    return countries.flatMap((one, i) =>
      countries.slice(i + 1).flatMap((other) => compareCountries({ genre, genres, one, other }) ?? []),
    );
  });
  const stands = discoveries(compared.map(({ p }) => p));
  const found = compared
    .filter(({ factor }, i) => stands[i] === true && factor >= least.factor)
    .map(({ describe }) => describe())
    .filter(({ campaigns }) => campaigns.length >= least.campaigns)
    .sort((a, b) => Number(b.savingsWeekly) - Number(a.savingsWeekly) || (a.genre < b.genre ? -1 : 1));
  // Of one genre in one dear country the cheap country that saves the most says it; the others say the same again.
  const said = new Set<string>();
  return found.filter(({ genre, dear }) => {
    const place = `${genre}\u0000${dear}`;
    return !said.has(place) && said.add(place).size > 0;
  });
}

function pricesByGenre(
  cells: readonly Cell[],
  traits: ReadonlyMap<number, CampaignTraits>,
  together: number,
): Map<string, Prices> {
  const genres = new Map<string, Prices>();
  const all = new Map<string, { genre: string; geography: string; cells: Cell[] }>();
  for (const cell of cells) {
    const genre = traits.get(cell.campaignId)?.genre ?? null;
    if (genre === null || cell.subject === "") continue;
    const prices = genres.get(genre) ?? { whole: new Map(), campaigns: new Map() };
    genres.set(genre, prices);
    const key = `${genre}\u0000${cell.subject}`;
    const group = all.get(key) ?? { genre, geography: cell.subject, cells: [] };
    all.set(key, group);
    group.cells.push(cell);
    const price = priceOf([cell], together);
    if (price === null) continue;
    const own = prices.campaigns.get(cell.campaignId) ?? new Map<string, Price>();
    prices.campaigns.set(cell.campaignId, own.set(cell.subject, price));
  }
  for (const { genre, geography, cells: group } of all.values()) {
    const price = priceOf(group, together);
    if (price !== null) genres.get(genre)?.whole.set(geography, price);
  }
  return genres;
}

function priceOf(cells: readonly Cell[], together: number): Price | null {
  const clicks = cells.reduce((sum, { own }) => sum + own.clicks, 0);
  const spend = cells.reduce((sum, { own }) => sum + own.spend, 0);
  if (clicks < floors.clicks || spend < floors.spendUsd) return null;
  // Of several campaigns each brings its own dispersion, by its share of the clicks.
  const dispersion = cells.reduce((sum, { own }) => sum + dispersionOf(own) * own.clicks, 0) / clicks;
  return {
    log: Math.log(spend / clicks),
    variance: (dispersion * together) / clicks,
    spend: sumMoney(cells.map(({ own }) => own.spendText)),
  };
}

interface Pair {
  genre: string;
  genres: ReadonlyMap<string, Prices>;
  one: string;
  other: string;
}

/** How much dearer one country is than another, of one genre or campaign; null where one of the two prices is not known. */
function difference(prices: ReadonlyMap<string, Price> | undefined, one: string, other: string) {
  const [a, b] = [prices?.get(one), prices?.get(other)];
  return a === undefined || b === undefined ? null : { log: a.log - b.log, variance: a.variance + b.variance };
}

interface Comparison {
  p: number;
  factor: number;
  /** Only for the few that stand: which campaigns show it takes longer than to compare. */
  describe: () => GeographicPattern;
}

function compareCountries({ genre, genres, one, other }: Pair): Comparison | null {
  const prices = genres.get(genre);
  const own = difference(prices?.whole, one, other);
  const others = [...genres]
    .filter(([name]) => name !== genre)
    .flatMap(([name, { whole }]) => {
      const found = difference(whole, one, other);
      return found === null ? [] : [{ name, ...found }];
    });
  if (prices === undefined || own === null || others.length === 0) return null;
  const usual = median(others.map(({ log }) => log));
  // A median of several is known a little less well than their mean.
  const spread = others.length === 1 ? 1 : Math.PI / 2;
  const usualVariance = (spread * others.reduce((sum, { variance }) => sum + variance, 0)) / others.length ** 2;
  const log = own.log - usual;
  const error = Math.sqrt(own.variance + usualVariance);
  const [dear, cheap] = log >= 0 ? [one, other] : [other, one];
  const p = 2 * normalCdf(-Math.abs(log) / error);
  const factor = Math.exp(Math.abs(log));
  const describe = (): GeographicPattern => {
    const showing = [...prices.campaigns].filter(([, known]) => {
      const found = difference(known, dear, cheap);
      return (
        found !== null && (found.log - Math.sign(log) * usual) / Math.sqrt(found.variance + usualVariance) >= least.z
      );
    });
    const ratio = Math.exp(Math.sign(log) * own.log);
    const weekly = new Big(prices.whole.get(dear)?.spend ?? "0").div(windowWeeks);
    return {
      ...{ genre, dear, cheap, ratio, factor },
      othersRatio: Math.exp(Math.sign(log) * usual),
      low: Math.exp(Math.abs(log) - bothSides90 * error),
      high: Math.exp(Math.abs(log) + bothSides90 * error),
      confidence: 1 - p,
      campaigns: showing.map(([campaignId]) => campaignId),
      otherGenres: others.map(({ name }) => name).sort(),
      spendWeekly: weekly.toFixed(2),
      savingsWeekly: weekly.times(Math.max(0, 1 - 1 / ratio)).toFixed(2),
    };
  };
  return { p, factor, describe };
}
