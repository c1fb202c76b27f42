import { z } from "zod";
import { openDispute, settleDispute } from "../../queries/recon/trust.ts";
import { withoutPersons } from "../../rules/recon/personal.ts";
import { allow, allowAffiliates } from "../server/access.ts";
import { actorOf } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { instant, notes, text } from "../server/shapes.ts";
import { whileAwake } from "../server/whole-transaction.ts";
import { affiliateOf } from "./affiliate-key.ts";
import { id, link, linkTo, tags } from "./shapes.ts";

const keepers = allow("admin", "operator");

const settled = z.object({
  disputeId: z.string(),
  reportId: z.string(),
  affiliateId: z.string(),
  outcome: z.enum(["affiliate", "platform"]),
  settledBy: z.string(),
  settledAt: instant,
  notes: text,
  trust: z.number().describe("the affiliate's trust score now"),
});

/** What people say to a verdict. */
export function disputeRoutes(api: Api, parts: ServerParts): void {
  openRoute(api, parts);
  settleRoute(api, parts);
}

function openRoute(api: Api, { reading, database }: ServerParts): void {
  api.post(
    "/submissions/:reportId/dispute",
    {
      config: allowAffiliates(),
      schema: {
        tags,
        summary: "Disputes the current verdict, once per verdict; a person decides",
        params: z.object({ reportId: id }),
        body: z.object({ reason: notes }),
        response: { 201: z.object({ disputeId: z.string(), openedAt: instant, href: link }) },
      },
    },
    async (request, reply) => {
      const { reportId } = request.params;
      const reason = withoutPersons(request.body.reason);
      const opened = await whileAwake(reading, openDispute(database, { ...affiliateOf(request), reportId, reason }));
      if (opened === null) throw notFound("report");
      if (opened.outcome !== "opened")
        throw new ApiError(
          "conflict",
          opened.outcome === "again"
            ? "this verdict was disputed before"
            : "the report has no verdict yet: there is nothing to dispute",
        );
      const { disputeId, openedAt } = opened.dispute;
      return reply
        .code(201)
        .send({ disputeId, openedAt: openedAt.toISOString(), href: linkTo(`/submissions/${reportId}`) });
    },
  );
}

function settleRoute(api: Api, { reading, database }: ServerParts): void {
  api.put(
    "/disputes/:id/settle",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Settles a dispute; in the affiliate's favour the verdict counts as accurate from then on",
        params: z.object({ id }),
        body: z.object({ outcome: z.enum(["affiliate", "platform"]).describe("in whose favour"), notes }),
        response: { 200: settled },
      },
    },
    async (request) => {
      const { client, ...by } = actorOf(request);
      const { outcome, notes: said } = request.body;
      const of = { client, disputeId: request.params.id, outcome, by, notes: withoutPersons(said) };
      const result = await whileAwake(reading, settleDispute(database, of));
      if (result === null) throw notFound("dispute");
      if (result === "settled_before") throw new ApiError("conflict", "the dispute was settled before");
      const { trustScore, settledAt, ...dispute } = result;
      return {
        ...dispute,
        outcome,
        settledAt: settledAt.toISOString(),
        trust: Number(trustScore),
      };
    },
  );
}
