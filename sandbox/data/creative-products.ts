import { chance } from "../chance.ts";
import { verticals } from "./creative-words.ts";

/** How a creative of a product says where a click leads. */
export type LinkKind =
  | "android"
  | "ios"
  | "appsflyer"
  | "onelink"
  | "adjust"
  | "adjust_bare"
  | "branch"
  | "site"
  | "ad_server"
  | "agency"
  | "shop"
  | "marketplace"
  | "social"
  | "none";

export interface Product {
  name: string;
  vertical: string;
  /** Who the creative's advertiser is; several products can have the same one. */
  advertiser: string;
  /** Of Google's brand detection. */
  brandId: string;
  languages: readonly string[];
  weight: number;
  /** 0 and 1 are the seats; 2 is both. */
  seat: 0 | 1 | 2;
  bundle?: string;
  appStoreId?: string;
  sites: readonly string[];
  /** Where a site serves several products, the path of this one. */
  path?: string;
  links: Partial<Record<LinkKind, number>>;
}

const app = { android: 30, ios: 14, appsflyer: 16, onelink: 10, agency: 6, none: 4 };
const adjusted = { android: 22, ios: 12, adjust: 24, adjust_bare: 6, site: 8, ad_server: 6, none: 3 };
const web = { site: 50, ad_server: 20, agency: 12, social: 4, none: 5 };

/** The advertisers of the sandbox. None of them exists. */
export const products: readonly Product[] = [
  {
    name: "Drop Frenzy",
    vertical: "puzzle",
    advertiser: "Tidalpine Games",
    brandId: "88101",
    languages: ["pt", "pt", "es", "en"],
    weight: 90,
    seat: 2,
    bundle: "com.tidalpine.dropfrenzy",
    appStoreId: "1559000101",
    sites: ["tidalpine.example"],
    path: "/games/drop-frenzy",
    links: { ...app, site: 8 },
  },
  {
    name: "Farm Tale Saga",
    vertical: "strategy",
    advertiser: "Tidalpine Games",
    brandId: "88102",
    languages: ["pt", "en"],
    weight: 40,
    seat: 0,
    bundle: "com.tidalpine.farmtale",
    appStoreId: "1559000102",
    sites: ["tidalpine.example"],
    path: "/games/farm-tale-saga",
    links: { ...app, site: 10 },
  },
  {
    name: "Empire Siege",
    vertical: "strategy",
    advertiser: "Northgate Interactive",
    brandId: "88103",
    languages: ["en", "de", "fr"],
    weight: 60,
    seat: 0,
    bundle: "com.northgate.empiresiege",
    appStoreId: "1559000103",
    sites: ["empiresiege.example"],
    links: adjusted,
  },
  {
    name: "Lucky Harbor",
    vertical: "casino",
    advertiser: "Harbor Reels Ltd",
    brandId: "88104",
    languages: ["en", "es"],
    weight: 70,
    seat: 2,
    bundle: "com.harborreels.luckyharbor",
    appStoreId: "1559000104",
    sites: ["luckyharbor.example", "luckyharbor-es.example"],
    links: { ...adjusted, site: 20 },
  },
  {
    name: "Jackpot Isle",
    vertical: "casino",
    advertiser: "Isle Digital",
    brandId: "88105",
    languages: ["pt", "es"],
    weight: 30,
    seat: 1,
    sites: ["jackpotisle.example"],
    links: { ...web, agency: 20 },
  },
  {
    name: "Centavo",
    vertical: "finance",
    advertiser: "Centavo Pagamentos",
    brandId: "88106",
    languages: ["pt"],
    weight: 55,
    seat: 1,
    bundle: "br.centavo.carteira",
    appStoreId: "1559000106",
    sites: ["centavo.example"],
    links: { android: 20, ios: 10, onelink: 20, appsflyer: 10, site: 16, ad_server: 8, none: 4 },
  },
  {
    name: "Lendwell",
    vertical: "finance",
    advertiser: "Lendwell Inc.",
    brandId: "88107",
    languages: ["en"],
    weight: 35,
    seat: 0,
    sites: ["lendwell.example", "apply-lendwell.example"],
    links: web,
  },
  {
    name: "Nordhaus Bank",
    vertical: "finance",
    advertiser: "Nordhaus Bank AG",
    brandId: "88108",
    languages: ["de"],
    weight: 18,
    seat: 0,
    sites: ["nordhaus-bank.example"],
    links: { site: 40, ad_server: 40, agency: 8 },
  },
  {
    name: "Lumen & Loom",
    vertical: "fashion",
    advertiser: "Lumen & Loom",
    brandId: "88109",
    languages: ["en", "fr"],
    weight: 40,
    seat: 1,
    sites: ["lumenandloom.example"],
    links: { shop: 40, site: 20, marketplace: 8, social: 8, agency: 8, none: 3 },
  },
  {
    name: "Casa Verde",
    vertical: "fashion",
    advertiser: "Casa Verde Móveis",
    brandId: "88110",
    languages: ["pt"],
    weight: 22,
    seat: 1,
    sites: ["casaverde.example"],
    links: { shop: 50, site: 10, marketplace: 10, social: 6 },
  },
  {
    name: "Stride Outlet",
    vertical: "fashion",
    advertiser: "Stride Retail Group",
    brandId: "88111",
    languages: ["en", "es"],
    weight: 30,
    seat: 2,
    sites: ["stride-outlet.example", "stride-mx.example"],
    links: web,
  },
  {
    name: "Skyhop",
    vertical: "travel",
    advertiser: "Skyhop Travel",
    brandId: "88112",
    languages: ["en", "de", "es"],
    weight: 38,
    seat: 0,
    bundle: "com.skyhop.app",
    appStoreId: "1559000112",
    sites: ["skyhop.example"],
    links: { site: 40, ad_server: 14, branch: 14, android: 10, ios: 6, none: 3 },
  },
  {
    name: "Ferrylane",
    vertical: "travel",
    advertiser: "Ferrylane SAS",
    brandId: "88113",
    languages: ["fr", "en"],
    weight: 14,
    seat: 0,
    sites: ["ferrylane.example"],
    links: web,
  },
  {
    name: "Reelbox",
    vertical: "streaming",
    advertiser: "Reelbox Media",
    brandId: "88114",
    languages: ["es", "pt", "en"],
    weight: 34,
    seat: 2,
    bundle: "tv.reelbox.mobile",
    appStoreId: "1559000114",
    sites: ["reelbox.example"],
    links: { onelink: 26, adjust: 14, android: 18, ios: 10, site: 10, none: 3 },
  },
  {
    name: "Munchly",
    vertical: "food",
    advertiser: "Munchly Delivery",
    brandId: "88115",
    languages: ["en", "id"],
    weight: 30,
    seat: 1,
    bundle: "com.munchly.eats",
    appStoreId: "1559000115",
    sites: ["munchly.example"],
    links: { branch: 40, android: 16, ios: 10, site: 8, agency: 6, none: 3 },
  },
  {
    name: "Pasar Cepat",
    vertical: "food",
    advertiser: "PT Pasar Cepat Niaga",
    brandId: "88116",
    languages: ["id"],
    weight: 22,
    seat: 1,
    bundle: "id.pasarcepat.belanja",
    appStoreId: "1559000116",
    sites: ["pasarcepat.example"],
    links: app,
  },
  {
    name: "LingoLoft",
    vertical: "learning",
    advertiser: "LingoLoft GmbH",
    brandId: "88117",
    languages: ["en", "ar", "ja"],
    weight: 16,
    seat: 0,
    bundle: "com.lingoloft",
    appStoreId: "1559000117",
    sites: ["lingoloft.example"],
    links: { ...adjusted, social: 4 },
  },
  {
    name: "Pulsefit",
    vertical: "health",
    advertiser: "Pulsefit Labs",
    brandId: "88118",
    languages: ["en", "de"],
    weight: 12,
    seat: 0,
    bundle: "com.pulsefit.home",
    appStoreId: "1559000118",
    sites: ["pulsefit.example"],
    links: app,
  },
  {
    name: "Gutter Guard Pro",
    vertical: "home",
    advertiser: "GGP Home Services",
    brandId: "88119",
    languages: ["en"],
    weight: 6,
    seat: 0,
    sites: ["gutterguardpro.example"],
    links: { shop: 40, marketplace: 30, site: 30 },
  },
];

const firstWords =
  "Amber Bright Cobalt Dune Ember Fable Glade Hollow Ivory Juniper Kite Linden Maple Nimbus Onyx Pebble".split(" ");
const lastWords =
  "Quest Market Valley Pay Stay Ride Kitchen Studio Dash Wallet Trail Bazaar Garden Arcade Coach Signal".split(" ");

/** Other advertisers, drawn: a world in which no rule was tried before. */
export function drawProducts(seed: string, count: number): Product[] {
  const most = firstWords.length * lastWords.length;
  if (count > most) throw new RangeError(`there are names for ${most} products, not for ${count}`);
  const start = Math.floor(chance(seed, "start") * most);
  return Array.from({ length: count }, (_, index) => {
    // 97 shares no factor with the number of names, so that none comes twice.
    const at = (start + index * 97) % most;
    const name = `${firstWords[at % firstWords.length]} ${lastWords[Math.floor(at / firstWords.length)]}`;
    const slug = name.toLowerCase().replace(" ", "");
    const draw = (what: string) => chance(seed, index, what);
    const kinds = Object.keys(verticals);
    const vertical = kinds[Math.floor(draw("vertical") * kinds.length)] ?? "puzzle";
    const spoken = Object.keys(verticals[vertical]?.things ?? {});
    const links = [app, adjusted, web, { ...web, shop: 30, marketplace: 10 }][Math.floor(draw("links") * 4)] ?? web;
    return {
      name,
      vertical,
      advertiser: `${name} ${["Ltd", "Inc.", "GmbH", "Group"][Math.floor(draw("form") * 4)]}`,
      brandId: String(90_000 + at),
      languages: spoken.slice(0, 1 + Math.floor(draw("languages") * spoken.length)),
      weight: 4 + Math.floor(draw("weight") ** 2 * 90),
      seat: ([0, 1, 2] as const)[Math.floor(draw("seat") * 3)] ?? 2,
      bundle: `com.${slug}.app`,
      appStoreId: String(1_560_000_000 + at),
      sites: draw("sites") < 0.3 ? [`${slug}.example`, `${slug}-shop.example`] : [`${slug}.example`],
      links: links === app || links === adjusted ? { ...links, site: 8 } : links,
    };
  });
}
