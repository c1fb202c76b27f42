import { z } from "zod";
import { placeOf } from "../../core/typed.ts";
import {
  trackConversionBefore,
  trackConversionShape,
  trackingHash,
  trackLeadShape,
  trackSaleShape,
  type TrackConversion,
  type Tracked,
} from "../../rules/conversions/anytrack-tracking.ts";
import { conversionKeyOfOrder } from "../../rules/conversions/conversion-key.ts";
import { findTracked } from "../../queries/conversions/anytrack-tracking.ts";
import { allow, callerOf } from "../server/access.ts";
import { ApiError } from "../server/errors.ts";
import { word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { instant } from "../server/shapes.ts";

const keepers = allow("admin", "operator");

const idempotencyKey = z.object({
  "idempotency-key": word.optional().describe("the order's id, when the body has none"),
});
const followed = {
  trackingKey: z.string(),
  conversionKey: z
    .string()
    .describe("the conversion, its touchpoints and attribution: GET /conversions/{conversionKey}"),
};
const done = z.object({ ...followed, state: z.literal("sent"), sentAt: instant });
const underWay = z.object({ ...followed, state: z.literal("sending"), workflowId: z.string() });
// The client is the token's.
const saleBody = z.object(trackSaleShape.shape).omit({ client: true }).partial({ orderId: true });
const leadBody = z.object(trackLeadShape.shape).omit({ client: true }).partial({ leadId: true });
const conversionBody = z.object(trackConversionShape.shape).omit({ client: true }).partial({ orderId: true });

/** Tracking AnyTrack of new conversions. */
export function trackRoutes(api: Api, parts: ServerParts): void {
  const track = { config: keepers };
  const answers = { 200: done, 202: underWay };
  api.post(
    "/track/sale",
    {
      ...track,
      schema: {
        tags: ["conversions"],
        summary: "Sends a sale to AnyTrack, once per order",
        body: saleBody,
        headers: idempotencyKey,
        response: answers,
      },
    },
    async (request, reply) => {
      const { productId, ...sale } = request.body;
      const told = {
        ...sale,
        type: "SALE",
        orderId: sale.orderId ?? request.headers["idempotency-key"],
        ...(productId === undefined ? {} : { customData: { product_id: productId } }),
      };
      const outcome = await tell(parts, callerOf(request).client, told);
      return outcome.state === "sent" ? reply.code(200).send(outcome) : reply.code(202).send(outcome);
    },
  );
  api.post(
    "/track/lead",
    {
      ...track,
      schema: {
        tags: ["conversions"],
        summary: "Sends a lead to AnyTrack, once",
        body: leadBody,
        headers: idempotencyKey,
        response: answers,
      },
    },
    async (request, reply) => {
      const { leadId, value, ...lead } = request.body;
      const outcome = await tell(parts, callerOf(request).client, {
        ...lead,
        type: "LEAD",
        revenue: value,
        orderId: leadId ?? request.headers["idempotency-key"],
      });
      return outcome.state === "sent" ? reply.code(200).send(outcome) : reply.code(202).send(outcome);
    },
  );
  api.post(
    "/track/conversion",
    {
      ...track,
      schema: {
        tags: ["conversions"],
        summary: "Sends any conversion to AnyTrack, once",
        body: conversionBody,
        headers: idempotencyKey,
        response: answers,
      },
    },
    async (request, reply) => {
      const outcome = await tell(parts, callerOf(request).client, {
        ...request.body,
        orderId: request.body.orderId ?? request.headers["idempotency-key"],
      });
      return outcome.state === "sent" ? reply.code(200).send(outcome) : reply.code(202).send(outcome);
    },
  );
}

/** The ledger answers what was told before; anything else is a workflow, whose id is the order's. */
async function tell(
  parts: ServerParts,
  client: string,
  told: object,
): Promise<z.infer<typeof done> | z.infer<typeof underWay>> {
  const conversion = checked(told);
  const trackingKey = conversion.orderId;
  const contentHash = trackingHash(conversion);
  const keys = { trackingKey, conversionKey: conversionKeyOfOrder(trackingKey) };
  if (!parts.config.anytrack.collect.has(client))
    // Trying again does not help: a person has to configure it.
    throw new ApiError(
      "conflict",
      `client ${client} has no AnyTrack integration: set ANYTRACK_ACCOUNT_ID and ANYTRACK_INTEGRATION, then send this again`,
    );
  const known = await findTracked(parts.reading, { client, trackingKey });
  const conflict = new ApiError("conflict", "this order was sent with other content before");
  if (known !== null && known.state !== "refused" && known.contentHash !== contentHash) throw conflict;
  if (known?.state === "sent" && known.sentAt !== null)
    return { ...keys, state: "sent", sentAt: known.sentAt.toISOString() };
  const outcome = await runWorkflow<Tracked>(parts, {
    type: "trackConversion",
    workflowId: `anytrack/track/${client}/${trackingKey}`,
    client,
    input: { ...conversion, client },
    summary: `${conversion.type}, client ${client}`,
  });
  if (!outcome.done) return { ...keys, state: "sending", workflowId: outcome.workflowId };
  // Two that came at once shared one workflow: only the content that it told is answered for.
  if (outcome.result.contentHash !== contentHash) throw conflict;
  return { ...keys, state: "sent", sentAt: outcome.result.sentAt };
}

function checked(told: object): TrackConversion {
  const parsed = trackConversionBefore(new Date()).safeParse(told);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => [
    placeOf(issue, "body"),
    issue.path[0] === "orderId" && (told as { orderId?: unknown }).orderId === undefined
      ? "is missing: name it in the body or as Idempotency-Key"
      : issue.message,
  ]);
  throw new ApiError("validation_error", "body is not valid", Object.fromEntries(fields) as Record<string, string>);
}
