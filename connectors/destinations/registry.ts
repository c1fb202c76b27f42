import type { Destination } from "./destination.ts";
import { hubspot } from "./hubspot.ts";
import { meta } from "./meta.ts";

/** Where conversions are sent. A new one is its file and a line here. */
export const destinations: readonly Destination[] = [meta, hubspot];

export function findDestination(name: string): Destination | undefined {
  return destinations.find((destination) => destination.name === name);
}
