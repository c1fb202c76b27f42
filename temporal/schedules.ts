import {
  ScheduleAlreadyRunning,
  type Client,
  type ScheduleOptions,
  type ScheduleUpdateOptions,
} from "@temporalio/client";
import type { PlannedSchedule } from "../temporal.config.ts";

export interface ScheduleChange {
  scheduleId: string;
  change: "created" | "updated" | "removed";
}

/**
 * Makes the schedules what the configuration says. An operator's pause and note stay; schedules of this deployment
 * that are no longer wanted go.
 */
export async function applySchedules(client: Client, planned: readonly PlannedSchedule[]): Promise<ScheduleChange[]> {
  const changes: ScheduleChange[] = [];
  for (const { scheduleId, options } of planned) {
    try {
      await client.schedule.create({ scheduleId, ...options } as ScheduleOptions);
      changes.push({ scheduleId, change: "created" });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await client.schedule
        .getHandle(scheduleId)
        .update((existing) => ({ ...options, state: existing.state }) as ScheduleUpdateOptions);
      changes.push({ scheduleId, change: "updated" });
    }
  }
  const deployment = planned[0]?.options.memo?.["deployment"];
  const wanted = new Set(planned.map(({ scheduleId }) => scheduleId));
  for await (const schedule of client.schedule.list()) {
    if (deployment === undefined || wanted.has(schedule.scheduleId) || schedule.memo?.["deployment"] !== deployment)
      continue;
    await client.schedule.getHandle(schedule.scheduleId).delete();
    changes.push({ scheduleId: schedule.scheduleId, change: "removed" });
  }
  return changes;
}
