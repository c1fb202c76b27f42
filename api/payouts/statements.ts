import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Owed } from "../../queries/payouts/shapes.ts";
import { readLines, type LinesAsked } from "../../queries/payouts/lines.ts";
import { mostLinesOfFile, readStatementFile, statementForms } from "../../queries/payouts/statement-file.ts";
import {
  accountOf,
  findStatement,
  readMonths,
  readOwed,
  sumOwed,
  type StatementFound,
} from "../../queries/payouts/statements.ts";
import { allow, allowAffiliates, open } from "../server/access.ts";
import { actorOf } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { listRoute } from "../server/list-route.ts";
import { day, paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { flag, instant, iso, isTrue, number, text } from "../server/shapes.ts";
import { line, month, owed, owedInAll, payoutMonth, toLine } from "./shapes.ts";

const staff = ["admin", "operator", "analyst"] as const;
const readers = allow(...staff);
const withAffiliates = allowAffiliates(...staff);
const tags = ["payouts"];
const statementId = z.object({ id: number });

/** Statements as they are read: by staff all, by an affiliate their own closed ones. */
export function statementRoutes(api: Api, parts: ServerParts): void {
  keyRoute(api, parts);
  listRoutes(api, parts);
  statementRoute(api, parts);
  lineRoutes(api, parts);
  fileRoutes(api, parts);
}

function keyRoute(api: Api, { config }: ServerParts): void {
  api.get(
    "/public-key",
    {
      config: open,
      schema: {
        tags,
        summary: "What payout statements are signed with: the public half of an Ed25519 key",
        response: { 200: z.object({ algorithm: z.literal("Ed25519"), keyId: z.string(), publicKey: z.string() }) },
      },
    },
    () => {
      if (config.statementKey === null) throw notFound("key: STATEMENT_SIGNING_KEY is not set");
      const { keyId, publicKey } = config.statementKey;
      return Promise.resolve({ algorithm: "Ed25519" as const, keyId, publicKey });
    },
  );
}

function listRoutes(api: Api, { reading }: ServerParts): void {
  api.get(
    "/months",
    {
      config: readers,
      schema: {
        tags,
        summary: "Months that have conversions, newest first, and which of them are closed",
        response: { 200: z.object({ items: z.array(payoutMonth) }) },
      },
    },
    async (request) => ({
      items: (await readMonths(reading, actorOf(request).client)).map((row) => ({
        ...row,
        closedAt: iso(row.closedAt),
      })),
    }),
  );

  api.get(
    "/statements",
    {
      config: withAffiliates,
      schema: {
        tags,
        summary:
          "What affiliates are owed, per currency: of one month as stated or as it stands now, else of all closed ones",
        querystring: z.object({ month: month.optional(), affiliateId: word.optional() }),
        response: { 200: z.object({ items: z.array(owed), totals: z.array(owedInAll) }) },
      },
    },
    async (request) => {
      const { client } = actorOf(request);
      const { month: asked = null, affiliateId = null } = request.query;
      if (request.affiliate === null) return withTotals(await readOwed(reading, { client, month: asked, affiliateId }));
      const own = await accountOf(reading, client, request.affiliate.affiliateId);
      if (own === null) return withTotals([]);
      const all = await readOwed(reading, { client, month: null, affiliateId: own });
      const isAsked = (one: Owed) =>
        (asked === null || one.month === asked) && (affiliateId === null || one.affiliateId === affiliateId);
      return withTotals(all.filter(isAsked));
    },
  );
}

const withTotals = (items: Owed[]) => ({ items, totals: sumOwed(items) });

/** A closed statement that the caller may read; of another affiliate's there is none. */
async function statementOf(
  { reading }: Pick<ServerParts, "reading">,
  request: Pick<FastifyRequest, "caller" | "affiliate">,
  id: number,
): Promise<StatementFound> {
  const of = { client: actorOf(request).client, statementId: id };
  const found = await findStatement(reading, { ...of, reconAffiliateId: request.affiliate?.affiliateId ?? null });
  if (found === null) throw notFound("statement");
  return found;
}

export const details = z.object({
  statementId: z.number(),
  client: z.string(),
  month: z.string(),
  affiliateId: z.string(),
  affiliate: z.string(),
  closedAt: instant,
  closedBy: text.describe("left out for affiliates"),
  forcedReason: text.describe("left out for affiliates"),
  daysNotFinal: z.number(),
  claims: z.number(),
  claimsVerified: z.number(),
  claimsDisputed: z.number(),
  origin: z.string(),
  previousHash: text,
  hash: z.string(),
  signature: z.string(),
  keyId: z.string(),
  publicKey: z.string(),
  lines: z.number(),
  totals: z.array(owed),
});

function statementRoute(api: Api, parts: ServerParts): void {
  api.get(
    "/statements/:id",
    {
      config: withAffiliates,
      schema: { tags, summary: "A closed statement", params: statementId, response: { 200: details } },
    },
    async (request) => {
      const { statement, ...found } = await statementOf(parts, request, request.params.id);
      const { client, month: of, affiliateId } = statement;
      const isStaff = request.affiliate === null;
      return {
        ...statement,
        ...found,
        closedBy: isStaff ? found.closedBy : null,
        forcedReason: isStaff ? found.forcedReason : null,
        totals: (await readOwed(parts.reading, { client, month: of, affiliateId })).filter(
          ({ currency }) => currency !== null,
        ),
      };
    },
  );

  api.get(
    "/drafts/:month/:affiliateId",
    {
      config: readers,
      schema: {
        tags,
        summary: "What an affiliate's statement of an open month comes to now",
        params: z.object({ month, affiliateId: word }),
        response: { 200: z.object({ totals: z.array(owed) }) },
      },
    },
    async (request) => ({
      totals: (await readOwed(parts.reading, { client: actorOf(request).client, ...request.params })).filter(
        ({ state }) => state === "draft",
      ),
    }),
  );
}

const lineFilters = paging.extend({
  kind: z.enum(["conversion", "correction", "claim"]).optional(),
  held: flag.describe("true: only lines of which something is held"),
});
const place = z.object({ rank: z.number().int(), date: day, key: z.string().max(300), currency: z.string().max(10) });

function lineRoutes(api: Api, parts: ServerParts): void {
  const common = { tags, querystring: lineFilters, item: line, place };
  const read = (
    client: string,
    of: LinesAsked["of"],
    {
      filter,
      after,
      limit,
    }: {
      filter: Omit<z.output<typeof lineFilters>, "limit" | "cursor">;
      after: z.output<typeof place> | null;
      limit: number;
    },
  ) =>
    readLines(parts.reading, {
      ...{ client, of, after, limit },
      kind: filter.kind ?? null,
      heldOnly: isTrue(filter.held) ?? false,
    });

  listRoute(api, "/statements/:id/lines", {
    ...common,
    config: withAffiliates,
    params: statementId,
    summary: "The lines of a closed statement",
    read: async (asked, request) => {
      const { id } = request.params as { id: number };
      await statementOf(parts, request, id);
      return read(actorOf(request).client, { statementId: id }, asked);
    },
    placeOf: (row) => row.place,
    toItem: ({ place: _place, ...row }) => toLine(row),
  });

  listRoute(api, "/drafts/:month/:affiliateId/lines", {
    ...common,
    config: readers,
    params: z.object({ month, affiliateId: word }),
    summary: "The lines of a statement as it would be closed now",
    read: (asked, request) =>
      read(actorOf(request).client, request.params as { month: string; affiliateId: string }, asked),
    placeOf: (row) => row.place,
    toItem: ({ place: _place, ...row }) => toLine(row),
  });
}

function fileRoutes(api: Api, parts: ServerParts): void {
  for (const form of statementForms)
    api.get(
      `/statements/:id/statement.${form}`,
      {
        config: withAffiliates,
        schema: {
          tags,
          summary: `A closed statement with its signature as ${form.toUpperCase()}`,
          params: statementId,
          response: { 200: z.string() },
        },
      },
      async (request, reply) => {
        const found = await statementOf(parts, request, request.params.id);
        if (found.lines > mostLinesOfFile)
          throw new ApiError(
            "validation_error",
            `the statement has ${found.lines} lines, more than a file holds: read them in SQL`,
          );
        const { text: file, type, headers } = await readStatementFile(parts.reading, found, form);
        return reply
          .headers(headers)
          .type(type)
          .serializer((whole: string) => whole)
          .send(file);
      },
    );
}
