import { z } from "zod";
import { originOf } from "../../core/origin.ts";
import { readSendable, type Sendable } from "../../queries/findings/tie-out.ts";
import { trackConversionBefore } from "../../rules/conversions/anytrack-tracking.ts";
import { whyNotSent, type Collector } from "../../rules/findings/tie-out.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { startWorkflow } from "../server/run-workflow.ts";
import { resent, toTracked } from "./tie-out-shapes.ts";

/** As many as a page shows. */
const mostResent = 100;

export function collectorOf({ config }: ServerParts, client: string): Collector {
  const collect = config.anytrack.collect.get(client);
  return collect === undefined ? null : { origin: originOf(collect) };
}

/** Sends conversions that AnyTrack misses, by the workflow that sends any: its ledger keeps each order to once. */
export function resendRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/tie-out/resend",
    {
      config: allow("admin", "operator"),
      schema: {
        tags: ["findings"],
        summary: "Sends conversions to AnyTrack that it misses, from Everflow's own record: each order once",
        description:
          "With `dryRun` nothing is sent: the answer says what would be, and why the rest cannot. Whoever asks however often, an order is sent once.",
        body: z.strictObject({ everflowIds: z.array(word).min(1).max(mostResent), dryRun: z.boolean().default(false) }),
        response: { 200: resent, 202: resent },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const { dryRun } = request.body;
      const everflowIds = [...new Set(request.body.everflowIds)];
      const found = await readSendable(parts.reading, { client, everflowIds });
      const { ready, left } = sorted(found, { client, everflowIds, collector: collectorOf(parts, client) });
      const conversions = ready.map((one) => ({
        orderId: one.trackingKey,
        everflowId: one.everflowId ?? "",
        clickId: one.clickId ?? "",
        revenue: one.revenue,
        currency: one.everflowCurrency ?? "",
        eventTime: one.eventTime.toISOString(),
        workflowId: workflowIdOf(client, one),
      }));
      if (dryRun) return reply.code(200).send({ dryRun, conversions, left });
      if (ready.length > 0)
        await audited(parts, request, (session, record) =>
          record(session, {
            action: "conversions_resent",
            subject: "tie-out",
            details: { to: "anytrack", orders: ready.map(({ trackingKey }) => trackingKey) },
          }),
        );
      for (const one of ready)
        await startWorkflow(parts, {
          type: "trackConversion",
          workflowId: workflowIdOf(client, one),
          client,
          input: toTracked(client, one),
          summary: `SALE of Everflow's ${one.everflowId}, client ${client}`,
        });
      return reply.code(202).send({ dryRun, conversions, left });
    },
  );
}

/** As /anytrack/track names it: an order is one workflow, by whichever route it is asked for. */
const workflowIdOf = (client: string, { trackingKey }: Sendable) => `anytrack/track/${client}/${trackingKey}`;

function sorted(
  found: readonly Sendable[],
  { client, everflowIds, collector }: { client: string; everflowIds: readonly string[]; collector: Collector },
) {
  const ready: Sendable[] = [];
  const left: { everflowId: string; why: string }[] = [];
  for (const one of found) {
    const why = whyNotSent(one, collector) ?? whyRefused(client, one);
    if (why === null) ready.push(one);
    else left.push({ everflowId: one.everflowId ?? "", why });
  }
  const known = new Set(found.flatMap(({ everflowIds: of }) => of));
  for (const everflowId of everflowIds)
    if (!known.has(everflowId)) left.push({ everflowId, why: "AnyTrack does not miss it" });
  return { ready, left };
}

function whyRefused(client: string, one: Sendable): string | null {
  if (!one.isOneCurrency) return "its conversions are in several currencies";
  const read = trackConversionBefore(new Date()).safeParse(toTracked(client, one));
  if (read.success) return null;
  const [issue] = read.error.issues;
  return `AnyTrack would not take it: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`;
}
