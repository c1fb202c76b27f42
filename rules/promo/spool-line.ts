import { crc32 } from "node:zlib";
import type { Event } from "./events.ts";

/** One event, one line: a checksum in front, so that what a crash cut short is not taken for an event. */
export function toSpoolLine(event: Event): string {
  const text = JSON.stringify(event);
  return `${checksum(text)} ${text}\n`;
}

export interface SpooledEvents {
  events: Event[];
  /** Lines in between that are none. The last line does not count: it was being written when the process ended. */
  damaged: number;
}

export function readSpoolLines(text: string): SpooledEvents {
  const lines = text.split("\n");
  // What follows the last line break, if anything, is half a line.
  lines.pop();
  const events: Event[] = [];
  let damaged = 0;
  for (const line of lines) {
    const json = line.slice(9);
    if (line.slice(0, 9) === `${checksum(json)} `) events.push(JSON.parse(json) as Event);
    else damaged += 1;
  }
  return { events, damaged };
}

const checksum = (text: string) => crc32(text).toString(16).padStart(8, "0");
