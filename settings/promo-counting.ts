import path from "node:path";
import { z } from "zod";
import { about } from "../core/about-setting.ts";
import { homeFolder } from "./environment.ts";
import { onOff, wholeNumber } from "./shapes.ts";

/** How events are counted. */
export const countingShape = z.object({
  PROMO_IMPRESSIONS_PER_MINUTE: wholeNumber(1)
    .default(200)
    .meta(about("Impressions that one caller may send.", { unit: "a minute" })),
  PROMO_CLICKS_PER_MINUTE: wholeNumber(1)
    .default(500)
    .meta(about("Clicks that one caller may send; of clicks on `/r/`, those of one address.", { unit: "a minute" })),
  PROMO_REPEAT_SECONDS: wholeNumber(0, 3_600)
    .default(10)
    .meta(
      about("A click of the same address on the same text within this time after another one is a repeat.", {
        unit: "seconds",
      }),
    ),
  PROMO_STORE_IP_HASH: onOff
    .default("on")
    .meta(about("off keeps no hash of addresses: repeats are then not recognised.")),
  PROMO_COMMIT_DEADLINE_MS: wholeNumber(50, 900)
    .default(400)
    .meta(
      about("How long an event waits for the database before it goes to the spool and is answered 503.", {
        unit: "ms",
      }),
    ),
  PROMO_SPOOL_DIR: z
    .string()
    .min(1)
    .default(path.join(".signal-room", "promo-spool"))
    .transform((folder) => path.resolve(homeFolder(), folder))
    .meta(
      about(
        "Where events wait while the database is away. On a disk of this machine that outlives the process; processes on one machine may share it.",
      ),
    ),
  PROMO_SPOOL_LIMIT_BYTES: wholeNumber(1_024)
    .default(1_073_741_824)
    .meta(
      about("How much one process may keep there; what comes after that is answered as not recorded.", {
        unit: "bytes",
      }),
    ),
  PROMO_RETENTION_DAYS: wholeNumber(30, 36_500)
    .default(400)
    .meta(
      about("How long single impressions and clicks, and their ids, are kept; counters and daily figures stay.", {
        unit: "days",
        needs: "worker, API",
      }),
    ),
  PROMO_LANDING_CHECK: onOff
    .default("off")
    .meta(
      about(
        "on asks each offer's landing page once a day whether it still answers. Only the page an offer names as its last one: a tracking link would count the question as a click.",
        { needs: "worker" },
      ),
    ),
});

export interface CountingSettings {
  impressionsPerMinute: number;
  clicksPerMinute: number;
  repeatWindowMs: number;
  storesAddressHash: boolean;
  commitDeadlineMs: number;
  spool: { folder: string; limitBytes: number };
  retentionDays: number;
  checksLandingPages: boolean;
}

export function countingOf(values: z.output<typeof countingShape>): CountingSettings {
  return {
    impressionsPerMinute: values.PROMO_IMPRESSIONS_PER_MINUTE,
    clicksPerMinute: values.PROMO_CLICKS_PER_MINUTE,
    repeatWindowMs: values.PROMO_REPEAT_SECONDS * 1_000,
    storesAddressHash: values.PROMO_STORE_IP_HASH === "on",
    commitDeadlineMs: values.PROMO_COMMIT_DEADLINE_MS,
    spool: { folder: values.PROMO_SPOOL_DIR, limitBytes: values.PROMO_SPOOL_LIMIT_BYTES },
    retentionDays: values.PROMO_RETENTION_DAYS,
    checksLandingPages: values.PROMO_LANDING_CHECK === "on",
  };
}
