import { vendors } from "../../connectors/registry.ts";
import {
  deployment,
  ingestQueue,
  mainQueue,
  plannedSchedules,
  retentionDays,
  searchAttributes,
  vendorQueue,
} from "../../temporal.config.ts";
import type { CommandContext } from "../shared/command-line.ts";
import { countPollers } from "../shared/follow-workflow.ts";
import { count, instant } from "../shared/printing.ts";
import { readScheduleStates } from "../shared/schedule-states.ts";
import { fail, type Finding, messageOf, ok, warn } from "./findings.ts";

const secondsPerDay = 86_400;

export async function examineTemporal(context: CommandContext): Promise<Finding[]> {
  let temporal: Awaited<ReturnType<CommandContext["temporal"]>>;
  try {
    temporal = await context.temporal();
  } catch (error) {
    return [fail(`Temporal: ${messageOf(error)}`, "nothing runs without it")];
  }
  const { connection, address, namespace } = temporal;
  const described = await connection.workflowService.describeNamespace({ namespace }).catch(async (error: unknown) => {
    const { isGrpcServiceError } = await import("@temporalio/client");
    if (!isGrpcServiceError(error)) throw error;
    return error.details;
  });
  if (typeof described === "string")
    return [
      fail(
        `Temporal at ${address}: namespace ${namespace}: ${described}`,
        `create it (temporal operator namespace create --namespace ${namespace} --retention ${retentionDays}d), or set TEMPORAL_NAMESPACE, TEMPORAL_API_KEY`,
      ),
    ];
  const findings = [ok(`Temporal at ${address}, namespace ${namespace}`)];
  const keptDays = Number(described.config?.workflowExecutionRetentionTtl?.seconds ?? 0) / secondsPerDay;
  findings.push(
    keptDays >= retentionDays
      ? ok(`retention: closed workflows are kept ${count(Math.floor(keptDays), "day")}`)
      : warn(
          `retention: closed workflows are kept ${count(Number(keptDays.toFixed(1)), "day")}, ${retentionDays} are wanted`,
          `temporal operator namespace update --namespace ${namespace} --retention ${retentionDays}d --address ${address}`,
        ),
  );
  return [
    ...findings,
    ...(await examineSearchAttributes(context)),
    ...(await examineSchedules(context)),
    ...(await examinePollers(context)),
  ];
}

async function examineSearchAttributes(context: CommandContext): Promise<Finding[]> {
  if (!context.config.searchAttributes) return [ok("search attributes: off (SEARCH_ATTRIBUTES)")];
  const { connection, namespace, address } = await context.temporal();
  const { missingSearchAttributes } = await import("../../temporal/search-attributes.ts");
  let missing: string[];
  try {
    missing = await missingSearchAttributes(connection, namespace);
  } catch (error) {
    return [
      warn(
        `search attributes: Temporal does not list them (${messageOf(error)})`,
        "Temporal Cloud lists them under the namespace; SEARCH_ATTRIBUTES=off goes without",
      ),
    ];
  }
  if (missing.length === 0) return [ok(`search attributes: ${Object.keys(searchAttributes).join(", ")}`)];
  const names = missing
    .map((name) => `--name ${name} --type ${searchAttributes[name as keyof typeof searchAttributes]}`)
    .join(" ");
  return [
    fail(
      `search attributes: ${missing.join(", ")} missing, so workflows cannot start`,
      `temporal operator search-attribute create --namespace ${namespace} --address ${address} ${names}`,
    ),
  ];
}

async function examineSchedules(context: CommandContext): Promise<Finding[]> {
  const { client } = await context.temporal();
  const planned = plannedSchedules(context.config);
  const states = await readScheduleStates(client, planned);
  const findings = states.map(({ scheduleId, state, note, nextRuns }) => {
    if (state === "missing") return fail(`schedule ${scheduleId} is missing`, "npm run schedules");
    if (state === "paused")
      return warn(
        `schedule ${scheduleId} is paused${note === null || note === "" ? "" : `: ${note}`}`,
        `temporal schedule toggle --unpause --schedule-id ${scheduleId}`,
      );
    return ok(`schedule ${scheduleId}: next ${nextRuns[0] === undefined ? "never" : instant(nextRuns[0])}`);
  });
  const wanted = new Set(planned.map(({ scheduleId }) => scheduleId));
  for await (const schedule of client.schedule.list()) {
    const ours = schedule.memo?.["deployment"] === context.config.queuePrefix + deployment;
    if (ours && !wanted.has(schedule.scheduleId))
      findings.push(
        warn(`schedule ${schedule.scheduleId} is no longer in temporal.config.ts`, "npm run schedules removes it"),
      );
  }
  return findings;
}

async function examinePollers(context: CommandContext): Promise<Finding[]> {
  const queues = [
    { name: mainQueue, kinds: ["workflows", "activities"] as const },
    { name: ingestQueue, kinds: ["activities"] as const },
    ...vendors.map((vendor) => ({ name: vendorQueue(vendor.name), kinds: ["activities"] as const })),
  ];
  const findings: Finding[] = [];
  for (const { name, kinds } of queues) {
    const queue = context.config.queuePrefix + name;
    for (const kind of kinds) {
      const pollers = await countPollers(context, queue, kind);
      findings.push(
        pollers > 0
          ? ok(`queue ${queue}: ${count(pollers, "poller")} for ${kind}`)
          : fail(`queue ${queue}: no worker takes ${kind}`, "npm run worker (WORKER_QUEUES chooses the queues)"),
      );
    }
  }
  return findings;
}
