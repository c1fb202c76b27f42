import { randomUUID } from "node:crypto";

/** A UUID, version 7: it begins with its time, so that an index takes new ones at its end instead of everywhere. */
export function uuidv7(nowMs = Date.now()): string {
  const time = nowMs.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
