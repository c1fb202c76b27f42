import { describePlatform } from "./describe-platform.ts";
import { reddit } from "./reddit.ts";
describePlatform(reddit, ["reddit-author.json", "reddit-stranger.json", "reddit-absent.json", "reddit-removed.json"]);
