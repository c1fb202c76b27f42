import { createHubspot } from "./hubspot.ts";
import { createMeta } from "./meta.ts";
import { createEverflow } from "./everflow.ts";
import { createAnytrack } from "./anytrack.ts";
import { createDiscord } from "./discord.ts";
import { createInstagram } from "./instagram.ts";
import { createMetaAds } from "./meta-ads.ts";
import { createReddit } from "./reddit.ts";
import { createRedtrack } from "./redtrack.ts";
import type { Surroundings, Vendor } from "./vendor.ts";

/** Every vendor of the sandbox, each mounted under its own name. */
export const vendorFactories: Readonly<Record<string, (surroundings: Surroundings) => Vendor>> = {
  redtrack: createRedtrack,
  meta: createMeta,
  hubspot: createHubspot,
  everflow: createEverflow,
  anytrack: createAnytrack,
  reddit: createReddit,
  instagram: createInstagram,
  meta_ads: createMetaAds,
  discord: createDiscord,
};
