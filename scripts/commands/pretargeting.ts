import { z } from "zod";
import { recordAudit } from "../../queries/ops/audit.ts";
import {
  canGoBack,
  findApproval,
  findPlan,
  listEvents,
  listPlans,
  noteEvent,
  planStates,
  type PlanRow,
} from "../../queries/pretargeting/plans.ts";
import { whyNotNow } from "../../queries/pretargeting/why-not-now.ts";
import { readWrites } from "../../queries/pretargeting/writes.ts";
import { askedText } from "../../rules/pretargeting/subject.ts";
import { leafText, partName, writeText } from "../../rules/pretargeting/words.ts";
import { pretargetingWorkflowId } from "../../rules/pretargeting/workflow-ids.ts";
import { inTransaction } from "../../schema/database.ts";
import { commandLineActor } from "../shared/audit.ts";
import {
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  wholeNumber,
  work,
  type CommandContext,
} from "../shared/command-line.ts";
import { endOf, startWorkflow } from "../shared/follow-workflow.ts";
import { table } from "../shared/printing.ts";

const titleOf = (plan: PlanRow) => plan.title ?? askedText(plan);

/** What spoke against applying it when it was computed; of one that was applied all the same that is over. */
const whyDry = ({ state, blockedBy }: PlanRow) => (state === "planned" ? blockedBy : null);

const list = defineCommand("list", "Shows the plans, the newest first, with their state.", [
  "npm run pretargeting -- list",
  "npm run pretargeting -- list --state applied",
])
  .option(...clientOption)
  .option("--state <name>", `only these: ${planStates.join(", ")}`)
  .option("--limit <number>", "how many are shown at most", "30");

list.action(
  work(
    z.object({
      client: z.string().optional(),
      state: z.enum(planStates, `must be one of ${planStates.join(", ")}`).optional(),
      limit: wholeNumber({ most: 500 }),
    }),
    async (context, { client: named, state = null, limit }) => {
      const client = context.client(named);
      const listed = await listPlans(await context.database(), { client, state, limit });
      const plans = listed.map(({ inOrder: _inOrder, ...plan }) => plan);
      return {
        document: { client, plans },
        lines:
          plans.length === 0
            ? [`client ${client}: no plan`]
            : table(
                ["plan", "state", "has the change", "what it does", "configuration", "since", "reason"],
                plans.map((one) => [
                  ...[one.planId, one.state, `${one.stage} %`, titleOf(one), one.configName],
                  ...[one.stateAt.toISOString(), one.stateReason ?? whyDry(one)],
                ]),
              ),
      };
    },
  ),
);

const numbered = z.object({ client: z.string().optional(), plan: wholeNumber() });
const planOption = ["--plan <number>", "the plan's number"] as const;

const show = defineCommand("show", "Shows one plan: what it changes, and what became of it.", [
  "npm run pretargeting -- show --plan 5",
])
  .option(...clientOption)
  .requiredOption(...planOption);

show.action(
  work(numbered, async (context, { client: named, plan: planId }) => {
    const of = { client: context.client(named), planId };
    const plan = await known(context, of);
    const database = await context.database();
    const [approval, writes, events] = [
      await findApproval(database, of),
      await readWrites(database, of),
      await listEvents(database, of),
    ];
    const whyNot = await whyNotNow(database, plan, { client: of.client, settings: context.config.pretargeting });
    return {
      document: { plan, whyNot, approval, writes, events },
      lines: [
        `plan ${planId}, ${plan.state}: ${titleOf(plan)}`,
        ...(plan.stateReason === null ? [] : [`  ${plan.stateReason}`]),
        ...(plan.difference ?? []).map(
          ({ path, before, after }) =>
            `  ${partName(path)}: ${leafText(path, before) ?? "unset"} -> ${leafText(path, after) ?? "unset"}`,
        ),
        ...(whyNot === null ? [] : [`  it stops after the dry run: ${whyNot}`]),
        ...(approval === null
          ? []
          : [
              `  approved by ${approval.approvedBy} (${approval.role}) at ${approval.at.toISOString()}, version ${approval.warningVersion} of the warning`,
            ]),
        ...(writes.length === 0 ? [] : ["", "what was sent to the exchange:"]),
        ...(writes.length === 0
          ? []
          : table(
              ["at", "for", "of", "what", "sets", "arrived"],
              writes.map((one) => [
                ...[one.sentAt.toISOString(), `${one.stage} %`, one.which, one.kind],
                ...[writeText(one) ?? "the whole configuration", one.state],
              ]),
            )),
        "",
        "what became of it:",
        ...table(
          ["at", "what", "who", "in words"],
          events.toReversed().map((one) => [one.at.toISOString(), one.kind, one.actor, one.words]),
        ),
      ],
    };
  }),
);

const rollback = defineCommand(
  "rollback",
  "Goes back to the configuration as it was before: of a change that is being applied at once, of one that was applied unless another person has changed something since. Exits 1 when nothing was taken back.",
  ["npm run pretargeting -- rollback --plan 5"],
)
  .option(...clientOption)
  .requiredOption(...planOption);

rollback.action(
  work(numbered, async (context, { client: named, plan: planId }) => {
    const of = { client: context.client(named), planId };
    const { state } = await known(context, of);
    if (!canGoBack(state))
      throw new CommandError(exitCodes.usage, `plan ${planId} is ${state}: there is nothing to take back`);
    const actor = commandLineActor();
    await inTransaction(await context.database(), async (session) => {
      const words = "a person asked to go back";
      await noteEvent(session, of, { kind: "rollback_asked", actor: actor.actor, words });
      await recordAudit(session, {
        ...{ ...actor, client: of.client, action: "pretargeting_rollback_asked", subject: `pretargeting/${planId}` },
        details: {},
      });
    });
    const started = await startWorkflow(context, {
      workflowType: "rollBackPretargeting",
      workflowId: `${context.config.queuePrefix}${pretargetingWorkflowId(of.client, planId)}`,
      input: of,
      summary: `rollback of pretargeting plan ${planId}, client ${of.client}`,
      searchAttributes: { ClientId: of.client },
    });
    if (started.wasRunning) await started.handle.signal("rollBack");
    context.note(`waits for ${started.workflowId}`);
    const end = await endOf<{ reason: string | null }>(started.handle);
    const after = await known(context, of);
    const isBack = ["rolled_back", "overtaken"].includes(after.state);
    const reason = after.stateReason ?? ("reason" in end ? end.reason : "result" in end ? end.result.reason : null);
    return {
      exitCode: isBack ? exitCodes.fine : exitCodes.found,
      document: { end: end.state, state: after.state, reason },
      lines: [`plan ${planId} is ${after.state}${reason === null ? "" : `: ${reason}`}`],
    };
  }),
);

async function known(context: CommandContext, of: { client: string; planId: number }): Promise<PlanRow> {
  const plan = await findPlan(await context.database(), of);
  if (plan === null) throw new CommandError(exitCodes.usage, `client ${of.client} has no plan ${of.planId}`);
  return plan;
}

const command = defineCommand(
  "pretargeting",
  "Plans of pretargeting: what would be changed at the exchange, what was, and the way back. Planned and approved they are in the pages or the API.",
  ["npm run pretargeting -- list", "npm run pretargeting -- rollback --plan 5"],
);

await runCommand(command.addCommand(list).addCommand(show).addCommand(rollback));
