/** The device types that are stored. */
export const deviceTypes = [
  "mobile",
  "desktop",
  "tablet",
  "connected_tv",
  "set_top_box",
  "game_console",
  "connected_device",
  "out_of_home",
  "other",
  "unknown",
] as const;
export type DeviceType = (typeof deviceTypes)[number];

/** What Google, Meta and OpenRTB call them; only what is unmistakable stands here, the rest is a mapping's business. */
const spellings: Record<DeviceType, readonly string[]> = {
  mobile: [
    "mobile",
    "mobile phone",
    "mobile phones",
    "mobile device",
    "mobile devices",
    "mobile devices with full browsers",
    "high-end mobile device",
    "high-end mobile devices",
    "phone",
    "phones",
    "smartphone",
    "smartphones",
    "android smartphone",
    "android phone",
    "iphone",
    "ipod",
    "feature phone",
    "feature phones",
  ],
  desktop: [
    "desktop",
    "desktops",
    "desktop computer",
    "computer",
    "computers",
    "personal computer",
    "pc",
    "desktop/laptop",
  ],
  tablet: ["tablet", "tablets", "tablets with full browsers", "ipad", "android tablet"],
  connected_tv: ["connected tv", "connected tvs", "ctv", "tv", "tvs", "smart tv", "smart tvs", "tv screens"],
  set_top_box: ["set top box", "set top boxes", "stb"],
  game_console: ["game console", "game consoles", "games console", "console"],
  connected_device: ["connected device", "connected devices"],
  out_of_home: ["out of home", "ooh", "dooh", "digital out of home"],
  other: ["other", "others", "other devices"],
  unknown: ["unknown", "unknown device", "unknown devices", "unspecified"],
};

const bySpelling = new Map(
  deviceTypes.flatMap((type) => spellings[type].map((spelling) => [plainDevice(spelling), type] as const)),
);

/** The device type that a spelling means, without regard to case, spaces and hyphens. */
export function deviceSpelled(text: string): DeviceType | undefined {
  return bySpelling.get(plainDevice(text));
}

function plainDevice(text: string): string {
  return text.toLowerCase().replace(/[\s_-]+/g, "");
}
