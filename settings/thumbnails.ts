import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, onOff, wholeNumber } from "./shapes.ts";

const ofClient = z.object({
  THUMBNAIL_CONSENT: onOff
    .default("off")
    .meta(
      about(
        "Whether pictures that Authorized Buyers names for this client's creatives may be fetched, by the worker, and kept. Their hosts see a request from the worker's address. Off, what was kept is deleted within ten minutes of the worker's start.",
        { clients: "own" },
      ),
    ),
});
const ofAll = z.object({
  THUMBNAIL_DAYS: wholeNumber(1, 365)
    .default(30)
    .meta(
      about("After so many days a picture is fetched again; a week later it is deleted where that failed.", {
        unit: "days",
      }),
    ),
  THUMBNAIL_MAX_KB: wholeNumber(1, 8_192)
    .default(1_024)
    .meta(about("A picture that is larger is not kept.", { unit: "kB" })),
  THUMBNAIL_INTERVAL_MS: wholeNumber(0, 60_000)
    .default(200)
    .meta(about("The time between two requests for pictures of one client.", { unit: "ms" })),
});

export const thumbnailsArea = defineArea({
  title: "Thumbnails of creatives",
  needs: "worker, API",
  shape: ofClient.extend(ofAll.shape),
});

export interface ThumbnailSettings {
  /** Clients that consent. */
  consenting: ReadonlySet<string>;
  days: number;
  maxBytes: number;
  intervalMs: number;
}

export function readThumbnailSettings(reader: SettingsReader): ThumbnailSettings {
  const values = reader.values(ofAll);
  return {
    consenting: new Set(
      reader.clients.filter((client) => reader.valuesOf(client, ofClient).THUMBNAIL_CONSENT === "on"),
    ),
    days: values.THUMBNAIL_DAYS,
    maxBytes: values.THUMBNAIL_MAX_KB * 1_024,
    intervalMs: values.THUMBNAIL_INTERVAL_MS,
  };
}
