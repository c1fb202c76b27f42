import { describePlatform } from "./describe-platform.ts";
import { instagram } from "./instagram.ts";
describePlatform(instagram, ["instagram-reel.json", "instagram-not-yet.json", "instagram-few-viewers.json"]);
