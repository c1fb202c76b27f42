import { describePlatform } from "./describe-platform.ts";
import { meta } from "./meta.ts";
describePlatform(meta, ["meta-campaign.json", "meta-unknown.json"]);
