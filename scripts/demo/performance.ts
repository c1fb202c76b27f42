import { chance } from "../../sandbox/chance.ts";

export interface DemoCreative {
  creativeId: string;
  buyerId: string;
  format: "HTML" | "IMAGE" | "NATIVE" | "VIDEO";
  width: number | null;
  height: number | null;
  sizeCategory: string | null;
  url: string;
  campaign: string;
  /** Its usual impressions a day. */
  usual: number;
}

const seats = [
  ["b-701", "Northwind Media"],
  ["b-702", "Łódź Performance"],
  ["b-703", "Harbour & Sons"],
  ["b-704", "Pixel Orchard"],
  ["b-705", "Blue Kite Ads"],
  ["b-706", "Señal Directa"],
  ["b-707", "Second Street"],
  ["b-708", 'Agency "Quick"'],
] as const;
export const demoSeats = seats.map(([buyerId, displayName]) => ({ buyerId, displayName }));

const themes = ["Puzzle game", "Finance app", "Travel deals", "Fitness plan", "Meal kits", "Language course", "Solar"];
const markets = ["Brazil", "Europe", "US", "Asia"];
const sizes = [
  [300, 250],
  [728, 90],
  [320, 50],
  [160, 600],
  [970, 250],
  [336, 280],
] as const;
const formats = ["HTML", "HTML", "IMAGE", "NATIVE", "VIDEO"] as const;
const geographies = ["US", "BR", "DE", "GB", "MX", "FR", "IN", "ES", "PL", "CA", "AU", "JP"] as const;
const devices = ["mobile", "mobile", "desktop", "tablet"] as const;
/** Of all days, a creative runs on so many. */
const activeShare = 0.55;

const pick = <Item>(items: readonly Item[], ...of: (string | number)[]) =>
  items[Math.floor(chance("rtb", ...of) * items.length)] as Item;

/** The creatives of the demo, the same in every run: a few are seen by many, most by few. */
export function demoCreatives(count: number): DemoCreative[] {
  return Array.from({ length: count }, (_, index) => {
    const creativeId = String(7_000_003 + index * 137);
    const format = pick(formats, creativeId, "format");
    const [width, height] = format === "VIDEO" ? ([1_280, 720] as const) : pick(sizes, creativeId, "size");
    const theme = pick(themes, creativeId, "theme");
    return {
      creativeId,
      buyerId: seats[index % seats.length]?.[0] ?? "",
      format,
      width: format === "NATIVE" ? null : width,
      height: format === "NATIVE" ? null : height,
      sizeCategory: format === "NATIVE" ? null : format === "VIDEO" ? "Video" : "IAB",
      url: `https://shop.example/${theme.toLowerCase().replaceAll(" ", "-")}`,
      campaign: `${theme} ${pick(markets, creativeId, "market")}`,
      usual: Math.floor(800 * 60 ** (chance("rtb", creativeId, "usual") ** 2)),
    };
  });
}

export const performanceColumns = "creative_id,date,impressions,clicks,spend,geography,device_type";

/** What a creative did on a day: nothing on some, in one or two countries on others. */
export function performanceLines(creative: DemoCreative, day: string): string[] {
  const { creativeId, usual } = creative;
  const draw = (...what: (string | number)[]) => chance("rtb", creativeId, day, ...what);
  if (draw("active") > activeShare) return [];
  const first = Math.floor(chance("rtb", creativeId, "geography") * geographies.length);
  const countries = draw("countries") < 0.4 ? 2 : 1;
  return Array.from({ length: countries }, (_, index) => {
    const geography = geographies[(first + index * 5) % geographies.length] ?? "US";
    const impressions = Math.floor(usual * (0.5 + draw("impressions", index)) * (index === 0 ? 1 : 0.35));
    return line({ creativeId, day, impressions, geography, device: pick(devices, creativeId, day, index) }, 1);
  });
}

/** The same day as reported later: somewhat more was shown. */
export function correctedLine(text: string): string {
  const [creativeId = "", day = "", impressions = "", , , geography = "", device = ""] = text.split(",");
  return line({ creativeId, day, impressions: Math.ceil(Number(impressions) * 1.03), geography, device }, 1.01);
}

interface Shown {
  creativeId: string;
  day: string;
  impressions: number;
  geography: string;
  device: string;
}

function line({ creativeId, day, impressions, geography, device }: Shown, dearer: number): string {
  const draw = (what: string) => chance("rtb", creativeId, day, geography, what);
  const clicks = Math.floor(
    impressions * (0.002 + 0.016 * chance("rtb", creativeId, "ctr")) * (0.7 + 0.6 * draw("clicks")),
  );
  const cpm = (0.6 + 5 * chance("rtb", creativeId, "cpm")) * (0.85 + 0.3 * draw("cpm")) * dearer;
  return [creativeId, day, impressions, clicks, ((impressions * cpm) / 1_000).toFixed(2), geography, device].join(",");
}
