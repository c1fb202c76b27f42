import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, list, wholeNumber } from "./shapes.ts";

export const workerArea = defineArea({
  title: "Worker",
  needs: "worker",
  shape: z.object({
    WORKER_QUEUES: list.optional().meta(
      about("Only these queues, without the prefix, separated by commas.", {
        unset: "all queues",
        example: "signal-room,vendor-redtrack",
      }),
    ),
    VENDOR_SLOTS: wholeNumber(1)
      .default(20)
      .meta(about("Activities of one vendor under way at a time in one worker.", { unit: "activities" })),
    UNAVAILABLE_ATTEMPTS: wholeNumber(1)
      .default(8)
      .meta(
        about("How often a vendor may be unavailable (5xx, timeouts) to one slice before it fails.", {
          unit: "attempts",
        }),
      ),
    WORKER_METRICS_ADDRESS: z
      .string()
      .regex(/^[^:]+:\d+$/, "must be host:port")
      .optional()
      .meta(about("Where Prometheus reads the worker's metrics.", { unset: "not served", example: "127.0.0.1:9464" })),
    WORKER_DEPLOYMENT_NAME: z
      .string()
      .min(1)
      .optional()
      .meta(about("With WORKER_BUILD_ID, turns worker versioning on: see operations.md.", { example: "signal-room" })),
    WORKER_BUILD_ID: z.string().min(1).optional().meta(about("The build that this worker is, for worker versioning.")),
    WORKER_SHUTDOWN_GRACE_MS: wholeNumber(0)
      .default(5_000)
      .meta(about("How long tasks under way may go on after a stop signal.", { unit: "ms" })),
    DELIVERY_LOOKBACK_DAYS: wholeNumber(1, 400)
      .default(30)
      .meta(about("Conversions up to this old are delivered by themselves.", { unit: "days" })),
    MOST_WITHDRAWN_PERCENT: z.coerce
      .number()
      .min(0)
      .max(100)
      .default(50)
      .meta(
        about(
          "The share of a day's stored rows that an answer may lack and still be believed; more raises an alert, and a person decides (`backfill --accept-empty`).",
          { unit: "%" },
        ),
      ),
  }),
});

export interface WorkerSettings {
  queues: string[] | null;
  vendorSlots: number;
  metricsAddress: string | null;
  deployment: { name: string; buildId: string } | null;
  unavailableAttempts: number;
  shutdownGraceMs: number;
}

export function readWorker(reader: SettingsReader) {
  const values = reader.values(workerArea.shape);
  const { WORKER_DEPLOYMENT_NAME: name, WORKER_BUILD_ID: buildId } = values;
  if ((name === undefined) !== (buildId === undefined))
    reader.problem("WORKER_DEPLOYMENT_NAME and WORKER_BUILD_ID go together: set both or neither");
  const worker: WorkerSettings = {
    queues: values.WORKER_QUEUES ?? null,
    vendorSlots: values.VENDOR_SLOTS,
    metricsAddress: values.WORKER_METRICS_ADDRESS ?? null,
    deployment: name !== undefined && buildId !== undefined ? { name, buildId } : null,
    unavailableAttempts: values.UNAVAILABLE_ATTEMPTS,
    shutdownGraceMs: values.WORKER_SHUTDOWN_GRACE_MS,
  };
  return {
    worker,
    deliveryLookbackDays: values.DELIVERY_LOOKBACK_DAYS,
    mostWithdrawnPercent: values.MOST_WITHDRAWN_PERCENT,
  };
}
