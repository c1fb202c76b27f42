import { chance } from "../../sandbox/chance.ts";
import { makeCreatives, seats, type MadeCreative } from "../../sandbox/data/creatives.ts";

export interface DemoCreative {
  buyerId: string;
  creativeId: string;
  /** As reports write it. */
  size: string;
  format: string;
  /** Its usual impressions a day. */
  usual: number;
}

export const demoSeats = seats.map(({ buyerId }) => buyerId);

const geographies = ["US", "BR", "DE", "GB", "MX", "FR", "IN", "ES", "PL", "CA", "AU", "JP"] as const;
const devices = ["mobile", "mobile", "desktop", "tablet"] as const;
/** Of all days, a creative runs on so many. */
const activeShare = 0.55;

const pick = <Item>(items: readonly Item[], ...of: (string | number)[]) =>
  items[Math.floor(chance("rtb", ...of) * items.length)] as Item;

/** Creatives of the sandbox's seats, of which files can say what they did: an id of two seats names neither of its creatives. */
export function demoCreatives(): DemoCreative[] {
  const made = makeCreatives();
  const times = new Map<string, number>();
  for (const { creativeId } of made) times.set(creativeId, (times.get(creativeId) ?? 0) + 1);
  return made
    .filter(({ creativeId }) => times.get(creativeId) === 1)
    .map(({ buyerId, creativeId, wire }) => ({
      buyerId,
      creativeId,
      ...sizeOf(wire),
      // A few are seen by many, most by few.
      usual: Math.floor(800 * 60 ** (chance("rtb", creativeId, "usual") ** 2)),
    }));
}

/** The last days that are reported once more, with other numbers, for so many creatives. */
export const correctedDays = 5;
export const correctedCreatives = 220;

function sizeOf({ creativeFormat, html }: MadeCreative["wire"]): Pick<DemoCreative, "size" | "format"> {
  const { width, height } = (html ?? {}) as { width?: number; height?: number };
  if (creativeFormat === "VIDEO") return { size: "Video/Overlay", format: "Video" };
  if (creativeFormat === "NATIVE") return { size: "Native", format: "Native" };
  return { size: width === undefined || height === undefined ? "" : `${width} x ${height}`, format: "HTML" };
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
