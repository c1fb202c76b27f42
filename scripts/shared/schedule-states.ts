import type { Client } from "@temporalio/client";
import type { PlannedSchedule } from "../../temporal.config.ts";
import { isPlain } from "../../temporal/address.ts";
import { temporalAway, type CommandContext } from "./command-line.ts";
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

/** The same for a command that asks for nothing else: without the SDK where the address is all there is to know. */
export async function glanceAtSchedules(
  context: Pick<CommandContext, "temporal" | "temporalAddress">,
  planned: readonly PlannedSchedule[],
): Promise<ScheduleState[]> {
  const server = await context.temporalAddress();
  if (!isPlain(server)) return readScheduleStates((await context.temporal()).client, planned);
  const ids = planned.map(({ scheduleId }) => scheduleId);
  const { describeSchedules } = await import("../../temporal/describe-schedules.ts");
  const found = await describeSchedules(server, ids).catch(() => {
    throw temporalAway(server.address);
  });
  return ids.map((scheduleId, index) => {
    const one = found[index] ?? null;
    if (one === null) return { scheduleId, state: "missing", note: null, nextRuns: [] };
    const { isPaused, note, nextRuns } = one;
    return { scheduleId, state: isPaused ? "paused" : "on", note, nextRuns: nextRuns.slice(0, 3) };
  });
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
