import { z } from "zod";
import { closeMonth, ClosingProblem } from "../../queries/payouts/close-month.ts";
import { AccountProblem, findAccount, listAccounts, setAccount } from "../../queries/payouts/accounts.ts";
import { inTransaction, sqlState } from "../../schema/database.ts";
import { allow } from "../server/access.ts";
import { actorOf, audited } from "../server/audited.ts";
import { ApiError, notFound, Unavailable } from "../server/errors.ts";
import { word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { iso, notes } from "../server/shapes.ts";
import { whileAwake } from "../server/whole-transaction.ts";
import { account, month } from "./shapes.ts";

const keepers = allow("admin", "operator");
const readers = allow("admin", "operator", "analyst");
const tags = ["payouts"];
const lockNotAvailable = "55P03";

/** What keepers decide: that a month is closed, and who an affiliate is. */
export function closingRoutes(api: Api, parts: ServerParts): void {
  closeRoute(api, parts);
  accountRoutes(api, parts);
}

function closeRoute(api: Api, { config, database, reading }: ServerParts): void {
  api.post(
    "/months/:month/close",
    {
      config: { ...keepers, hasDeadline: true },
      schema: {
        tags,
        summary: "Closes a month: signs the statement of every affiliate. What restates later goes to the next one",
        params: z.object({ month }),
        body: z.strictObject({
          reason: notes
            .optional()
            .describe("why it is closed although days are not final; without it, it is refused then"),
          startHere: z
            .boolean()
            .optional()
            .describe("of the first month: months before it that have conversions stay without statements, for good"),
        }),
        response: {
          200: z.object({
            month: z.string(),
            isNew: z.boolean().describe("false: it was closed before"),
            statements: z.number(),
            daysNotFinal: z.number(),
          }),
        },
      },
    },
    async (request) => {
      if (config.statementKey === null)
        throw new Unavailable("no month can be closed: set STATEMENT_SIGNING_KEY, which statements are signed with");
      const { client, ...by } = actorOf(request);
      const { reason = null, startHere = false } = request.body;
      const closing = {
        client,
        month: request.params.month,
        by,
        key: config.statementKey,
        reason,
        startHere,
        now: new Date(),
      };
      try {
        return await whileAwake(
          reading,
          inTransaction(database, (session) =>
            closeMonth(session, closing).catch((error: unknown) => {
              throw error instanceof ClosingProblem ? new ApiError("conflict", error.message) : error;
            }),
          ),
        );
      } catch (error) {
        if (sqlState(error) === lockNotAvailable)
          throw new Unavailable("conversions are being stored, or the month is being closed; try again soon", error);
        throw error;
      }
    },
  );
}

function accountRoutes(api: Api, parts: ServerParts): void {
  const toAccount = (row: NonNullable<Awaited<ReturnType<typeof findAccount>>>) => ({ ...row, setAt: iso(row.setAt) });

  api.get(
    "/accounts",
    {
      config: readers,
      schema: {
        tags,
        summary: "Everflow's affiliates, who they are in reconciliation, and what of theirs is held",
        response: { 200: z.object({ items: z.array(account) }) },
      },
    },
    async (request) => ({ items: (await listAccounts(parts.reading, actorOf(request).client)).map(toAccount) }),
  );

  api.put(
    "/accounts/:affiliateId",
    {
      config: keepers,
      schema: {
        tags,
        summary:
          "Says who an affiliate is in reconciliation, and whether what is new is held; the same again changes nothing",
        params: z.object({ affiliateId: word }),
        body: z
          .strictObject({
            reconAffiliateId: z.number().int().positive().nullable(),
            hold: z
              .enum(["automatic", "all", "none"])
              .describe("automatic: trust and claims decide; all: hold what is new; none: neither holds anything"),
            reason: notes.nullable().optional(),
          })
          .refine(({ hold, reason }) => hold === "automatic" || typeof reason === "string", {
            path: ["reason"],
            error: "is missing: say why",
          }),
        response: { 200: account },
      },
    },
    async (request) => {
      const { affiliateId } = request.params;
      const { reconAffiliateId, hold, reason = null } = request.body;
      const { client, actor } = actorOf(request);
      await audited(parts, request, async (session, record) => {
        const change = { client, affiliateId, reconAffiliateId, hold, reason, by: actor };
        const changed = await setAccount(session, change).catch((error: unknown) => {
          if (!(error instanceof AccountProblem)) throw error;
          if (error.field === "affiliateId") throw notFound("affiliate");
          throw new ApiError("conflict", error.message);
        });
        if (changed)
          await record(session, {
            action: "payout_account_set",
            subject: `payouts/affiliate/${affiliateId}`,
            details: { reconAffiliateId, hold, reason },
          });
      });
      const found = await findAccount(parts.reading, client, affiliateId);
      if (found === null) throw notFound("affiliate");
      return toAccount(found);
    },
  );
}
