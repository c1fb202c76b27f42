import type { Platform } from "./platform.ts";

/** Every platform posts are verified with. A new one is its file and a line here. */
export const platforms: readonly Platform[] = [];

export function findPlatform(name: string): Platform | undefined {
  return platforms.find((platform) => platform.name === name);
}
