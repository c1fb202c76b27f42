import { instagram } from "./instagram.ts";
import { meta } from "./meta.ts";
import type { Platform } from "./platform.ts";
import { reddit } from "./reddit.ts";

/** Every platform posts are verified with. A new one is its file and a line here. */
export const platforms: readonly Platform[] = [reddit, instagram, meta];

export function findPlatform(name: string): Platform | undefined {
  return platforms.find((platform) => platform.name === name);
}
