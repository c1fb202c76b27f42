import { proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { MirrorActivities } from "../../activities/ops/mirror-activities.ts";
import type { MirroredDays } from "../../activities/ops/mirror-days.ts";
import { takesNoInput } from "../shared/no-input.ts";

const { mirrorChanges } = proxyActivities<MirrorActivities>({
  startToCloseTimeout: "10 minutes",
  scheduleToCloseTimeout: "30 minutes",
  heartbeatTimeout: "15 seconds",
  retry: { initialInterval: "1 second", maximumInterval: "1 minute" },
});

/** Copies to ClickHouse each day that has changed, for about a minute; the schedule starts the next run. */
export async function mirrorDays(input?: unknown): Promise<MirroredDays> {
  takesNoInput("mirrorDays", input);
  const done = await mirrorChanges();
  setCurrentDetails(describe(done));
  return done;
}

function describe({ away, days, rows, different, compared, waiting }: MirroredDays): string {
  return [
    ...(away === null ? [] : [`Nothing more was mirrored: ${away}`]),
    `${days} days mirrored, ${rows} rows; ${compared} compared again`,
    ...(different === 0 ? [] : [`${different} days were different on both sides`]),
    `${waiting} days wait`,
  ].join("\n\n");
}
