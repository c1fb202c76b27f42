export type SizeCategory = "IAB Standard" | "Interstitial" | "Video" | "Native" | "Adaptive" | "Non-Standard";

export interface Size {
  /** One text for every spelling of a size, and for every size that is as good as it. */
  canonical: string;
  category: SizeCategory;
  /** As sent. What is written back to a vendor is this, never the canonical size. */
  width: number | null;
  height: number | null;
}

export interface Sent {
  width: number | null;
  height: number | null;
  /** The vendor's word: HTML, VIDEO or NATIVE. */
  format: string | null;
}

export interface StandardSize {
  width: number;
  height: number;
  name: string;
  category: "IAB Standard" | "Interstitial";
}

const standard = (width: number, height: number, name: string): StandardSize => ({
  width,
  height,
  name,
  category: "IAB Standard",
});
const interstitial = (width: number, height: number, name: string): StandardSize => ({
  width,
  height,
  name,
  category: "Interstitial",
});

/** IAB's fixed sizes of 2017, what is traded beside them, and what covers a whole screen. */
export const standardSizes: readonly StandardSize[] = [
  standard(300, 250, "Medium Rectangle"),
  standard(728, 90, "Leaderboard"),
  standard(320, 50, "Mobile Banner"),
  standard(300, 50, "Smartphone Banner"),
  standard(320, 100, "Large Mobile Banner"),
  standard(160, 600, "Wide Skyscraper"),
  standard(120, 600, "Skyscraper"),
  standard(300, 600, "Half Page"),
  standard(300, 1050, "Portrait"),
  standard(970, 250, "Billboard"),
  standard(970, 90, "Super Leaderboard"),
  standard(468, 60, "Banner"),
  standard(234, 60, "Half Banner"),
  standard(336, 280, "Large Rectangle"),
  standard(250, 250, "Square"),
  standard(200, 200, "Small Square"),
  standard(180, 150, "Rectangle"),
  standard(120, 60, "Button"),
  standard(216, 36, "Large Feature Phone Banner"),
  standard(168, 28, "Medium Feature Phone Banner"),
  standard(120, 20, "Small Feature Phone Banner"),
  interstitial(320, 480, "Mobile Interstitial, Portrait"),
  interstitial(480, 320, "Mobile Interstitial, Landscape"),
  interstitial(768, 1024, "Tablet Interstitial, Portrait"),
  interstitial(1024, 768, "Tablet Interstitial, Landscape"),
  interstitial(640, 1136, "Phone Interstitial"),
  interstitial(750, 1334, "Phone Interstitial"),
  interstitial(1080, 1920, "Phone Interstitial"),
];

/** Creatives are built a few pixels off: a border, or a rounded scale. */
const tolerance = 5;

/** Shapes of a video, each a closed range of width / height in tenths. */
const shapes = [
  { name: "9:16", least: 5, most: 6 },
  { name: "4:5", least: 7, most: 8 },
  { name: "1:1", least: 9, most: 11 },
  { name: "16:9", least: 17, most: 18 },
] as const;

/** The standard size within five pixels on both sides: the nearest of several, the smaller of two that are as near. */
export function nearestSize(
  { width, height }: { width: number; height: number },
  table: readonly StandardSize[] = standardSizes,
): StandardSize | null {
  const distance = (one: StandardSize) => (one.width - width) ** 2 + (one.height - height) ** 2;
  const [nearest] = table
    .filter((one) => Math.abs(one.width - width) <= tolerance && Math.abs(one.height - height) <= tolerance)
    .sort((one, other) => distance(one) - distance(other) || one.width * one.height - other.width * other.height);
  return nearest ?? null;
}

/**
 * What a creative's size is called. A video goes by its shape first, since it is scaled; only a video does, since a
 * banner of 500x500 is none. Null when nothing usable was sent.
 */
export function canonicalSize({ width, height, format }: Sent): Size | null {
  const size = (canonical: string, category: SizeCategory): Size => ({ canonical, category, width, height });
  const kind = format?.trim().toUpperCase() ?? "";
  // A native creative is laid out by the publisher: the size it has is its image's.
  if (kind === "NATIVE") return size("Native", "Native");
  const isVideo = kind === "VIDEO" || kind === "VAST";
  if (!isCount(width) || !isCount(height)) return isVideo ? size("Video (size unknown)", "Video") : null;
  if (width === 0 || height === 0)
    return isVideo ? size("Video (size unknown)", "Video") : size("Adaptive/Fluid", "Adaptive");
  if (width === 1 && height === 1) return size("Adaptive/Responsive", "Adaptive");
  const shape = isVideo ? shapeOf(width, height) : null;
  if (shape !== null) return size(`Video ${shape}`, "Video");
  const near = nearestSize({ width, height });
  return near === null
    ? size(`Non-Standard (${width}x${height})`, "Non-Standard")
    : size(`${near.width}x${near.height} (${near.name})`, near.category);
}

/** By whole numbers: 0.7 × 10 is not 7 in floating point, and the ends of a range belong to it. */
function shapeOf(width: number, height: number): string | null {
  return shapes.find(({ least, most }) => width * 10 >= least * height && width * 10 <= most * height)?.name ?? null;
}

const isCount = (value: number | null): value is number => value !== null && Number.isSafeInteger(value) && value >= 0;

/** What reports write in place of a size. */
const words: Readonly<Record<string, [canonical: string, category: SizeCategory]>> = {
  native: ["Native", "Native"],
  video: ["Video (size unknown)", "Video"],
  "video/overlay": ["Video (size unknown)", "Video"],
  interstitial: ["Interstitial (size unknown)", "Interstitial"],
  fluid: ["Adaptive/Fluid", "Adaptive"],
  responsive: ["Adaptive/Responsive", "Adaptive"],
};

/** A size as reports spell it: `300x250`, `300 X 250`, `320×50`, `Native`. Null when it is none. */
export function readSize(text: string, format: string | null = null): Size | null {
  const trimmed = text.trim();
  const spelled = trimmed.toLowerCase();
  const word = Object.hasOwn(words, spelled) ? words[spelled] : undefined;
  if (word !== undefined) return { canonical: word[0], category: word[1], width: null, height: null };
  const [, width, height] = /^(\d{1,5})\s{0,3}[xX×*]\s{0,3}(\d{1,5})(?:\s?px)?$/.exec(trimmed) ?? [];
  if (width === undefined || height === undefined) return null;
  return canonicalSize({ width: Number(width), height: Number(height), format });
}
