import { createHash } from "node:crypto";
import { chance } from "./chance.ts";

export interface TrafficSource {
  id: string;
  name: string;
  alias: string;
  /** Its usual share of a client's spend, relative to the others. */
  weight: number;
}

// Names repeat on purpose: RedTrack shows one name under several ids.
const NETWORKS: readonly (readonly [name: string, alias: string])[] = [
  ["TikTok", "tiktok"],
  ["Taboola", "taboola"],
  ["Outbrain", "outbrain"],
  ["Bing Ads", "bing"],
  ["Snapchat", "snapchat"],
  ["Snapchat", "snapchat"],
  ["YouTube", "google"],
  ["Pinterest", "pinterest"],
  ["Reddit Ads", "reddit"],
  ["MGID", "mgid"],
  ["RevContent", "revcontent"],
  ["Newsletter", "email"],
  ["SMS Blast", "sms"],
  ["PropellerAds", "propellerads"],
  ["Quora", "quora"],
  ["Twitter", "twitter"],
  ["LinkedIn", "linkedin"],
  ["Native Broker Łódź & Söhne", "native"],
  ["Push House", "push"],
  ["Organic Landing", ""],
];

const MAJORS_OF_713: readonly TrafficSource[] = [
  { id: "66c79f91be26fd4634569658", name: "Facebook CCW", alias: "facebook", weight: 60 },
  { id: "6807d9120ee9ffc623c1d7e5", name: "Meta CCW AWF2 Stephanie", alias: "facebook", weight: 17 },
  { id: "62b29551c6880d00014d8c73", name: "Google Ads CCW", alias: "google", weight: 11 },
];

/** How many of a client's sources run on every day. */
export const MAJORS = 3;

/** A client with more sources a day than one page of 1000 holds, so that paging can be tried for real. */
export const WIDE_CLIENT = "wide";
const WIDE_SOURCES = 2_400;

const catalogues = new Map<string, readonly TrafficSource[]>();

/** The traffic sources of a client: the majors first, then the small ones. */
export function trafficSources(client: string): readonly TrafficSource[] {
  const known = catalogues.get(client);
  if (known !== undefined) return known;
  const majors = client === "713" ? MAJORS_OF_713 : majorsOf(client);
  const others = client === WIDE_CLIENT ? WIDE_SOURCES - MAJORS : NETWORKS.length;
  const catalogue = [...majors, ...Array.from({ length: others }, (_, index) => smallSource(client, index))];
  if (catalogues.size < 1_000) catalogues.set(client, catalogue);
  return catalogue;
}

function majorsOf(client: string): TrafficSource[] {
  const majors = [
    ["Facebook", "facebook", 50],
    ["Google Ads", "google", 20],
    ["Meta Retargeting", "facebook", 14],
  ] as const;
  return majors.map(([name, alias, weight]) => ({
    id: objectId(client, alias, name),
    name: `${name} ${campaignTag(client)}`,
    alias,
    weight,
  }));
}

function smallSource(client: string, index: number): TrafficSource {
  const [name, alias] = NETWORKS[index % NETWORKS.length] ?? ["Unnamed", ""];
  return {
    id: objectId(client, "small", index),
    name: `${name} ${campaignTag(client)}${index < NETWORKS.length ? "" : ` ${index}`}`,
    alias,
    weight: 0.2 + chance("redtrack", client, "weight", index) * 0.8,
  };
}

function campaignTag(client: string): string {
  if (client === "713") return "CCW";
  const letter = (position: number) => String.fromCharCode(65 + Math.floor(chance("tag", client, position) * 26));
  return `${letter(1)}${letter(2)}${letter(3)}`;
}

function objectId(...parts: readonly (string | number)[]): string {
  return createHash("sha256")
    .update(`redtrack/${parts.join("/")}`)
    .digest("hex")
    .slice(0, 24);
}
