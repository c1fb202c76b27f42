import type { Client } from "@temporalio/client";
import type { PlannedSchedule } from "../../temporal.config.ts";
import { instant, table } from "./printing.ts";

export interface ScheduleState {
  scheduleId: string;
  state: "on" | "paused" | "missing";
  note: string | null;
  nextRuns: Date[];
}

/** How the planned schedules stand in Temporal. */
export async function readScheduleStates(
  client: Client,
  planned: readonly PlannedSchedule[],
): Promise<ScheduleState[]> {
  return Promise.all(
    planned.map(async ({ scheduleId }): Promise<ScheduleState> => {
      try {
        const { state, info } = await client.schedule.getHandle(scheduleId).describe();
        return {
          scheduleId,
          state: state.paused ? "paused" : "on",
          note: state.note ?? null,
          nextRuns: info.nextActionTimes.slice(0, 3),
        };
      } catch (error) {
        const { ScheduleNotFoundError } = await import("@temporalio/client");
        if (!(error instanceof ScheduleNotFoundError)) throw error;
        return { scheduleId, state: "missing", note: null, nextRuns: [] };
      }
    }),
  );
}

export function scheduleTable(states: readonly ScheduleState[]): string[] {
  return table(
    ["schedule", "state", "next runs", "note"],
    states.map(({ scheduleId, state, note, nextRuns }) => [
      scheduleId,
      state,
      state === "on" ? nextRuns.map(instant).join(", ") : "none",
      note ?? "",
    ]),
  );
}
