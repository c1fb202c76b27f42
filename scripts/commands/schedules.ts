import { z } from "zod";
import { plannedSchedules } from "../../temporal.config.ts";
import { defineCommand, runCommand, work, type CommandContext } from "../shared/command-line.ts";
import { glanceAtSchedules, scheduleTable } from "../shared/schedule-states.ts";

const command = defineCommand(
  "schedules",
  "Updates Temporal's schedules and search attributes to match temporal.config.ts. A pause and its note stay.",
  ["npm run schedules", "npm run schedules -- --list"],
).option("--list", "only show their state, change nothing");

command.action(
  work(z.object({ list: z.boolean().default(false) }), async (context, { list }) => {
    const planned = plannedSchedules(context.config);
    const { namespace } = await context.temporalAddress();
    const { registered, changes } = list ? { registered: [], changes: [] } : await update(context, planned);
    const schedules = await glanceAtSchedules(context, planned);
    return {
      document: { namespace, registered, changes, schedules },
      lines: [
        ...(registered.length > 0 ? [`search attributes registered: ${registered.join(", ")}`] : []),
        ...changes.map(({ scheduleId, change }) => `${change} ${scheduleId}`),
        ...(changes.length > 0 ? [""] : []),
        ...scheduleTable(schedules),
      ],
    };
  }),
);

async function update(context: CommandContext, planned: ReturnType<typeof plannedSchedules>) {
  const { client } = await context.temporal();
  const { applySchedules } = await import("../../temporal/schedules.ts");
  return { registered: await register(context), changes: await applySchedules(client, planned) };
}

async function register(context: CommandContext): Promise<string[]> {
  if (!context.config.searchAttributes) return [];
  const { connection, namespace } = await context.temporal();
  const { registerSearchAttributes } = await import("../../temporal/search-attributes.ts");
  return registerSearchAttributes(connection, namespace);
}

await runCommand(command);
