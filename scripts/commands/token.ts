import { randomUUID } from "node:crypto";
import { decodeJwt, errors } from "jose";
import { z } from "zod";
import { issueToken, roles, tokenHash } from "../../core/tokens.ts";
import { findIssuedToken, recordAudit } from "../../queries/ops/audit.ts";
import { revokeToken } from "../../queries/ops/tokens.ts";
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
  type Report,
} from "../shared/command-line.ts";

const secondsPerDay = 86_400;

const command = defineCommand("token", "Prints a token for the HTTP server, signed with API_JWT_SECRET.", [
  "npm run --silent token -- --role analyst --days 7",
  "npm run --silent token -- --role advertiser --advertiser 42 --client 713",
  "npm run token -- revoke 0b6f2f7e-7f4c-4f5e-9d0a-2f1a5d1f8c11",
  "npm run token -- revoke < token.txt",
])
  .option("--role <role>", `the role of the token: ${roles.join(", ")}`)
  .option(...clientOption)
  .option("--advertiser <id>", "with --role advertiser: the advertiser whose rows the token can read")
  .option("--subject <name>", "the name shown in logs and on resolved alerts", "command-line")
  .option("--days <days>", "how long it is valid", "30");

const options = z.object({
  role: z.enum(roles, { error: `must be one of ${roles.join(", ")}` }),
  client: z.string().optional(),
  advertiser: z.string().min(1).optional(),
  subject: z.string().min(1),
  days: wholeNumber({ most: 3_650 }),
});

command.action(
  work(options, async (context, { role, advertiser, subject, days, ...typed }) => {
    const { jwtSecret: secret, audience, issuer } = context.config.api;
    if (secret === null)
      throw new CommandError(
        exitCodes.usage,
        "API_JWT_SECRET is not set: start a local stack with `npm start`, or set it to what the HTTP server has",
      );
    if ((role === "advertiser") !== (advertiser !== undefined))
      throw new CommandError(exitCodes.usage, "--advertiser belongs to --role advertiser, and that role needs it");
    const client = context.client(typed.client);
    const tokenId = randomUUID();
    const validUntil = new Date(Date.now() + days * secondsPerDay * 1_000);
    // Recorded first: no token may exist without a record.
    await recordIssue(context, { client, tokenId, details: { role, subject, advertiser, validUntil } });
    const expiresInSeconds = days * secondsPerDay;
    const jwt = await issueToken({
      secret,
      client,
      role,
      advertiser,
      subject,
      expiresInSeconds,
      tokenId,
      audience,
      issuer,
    });
    context.note(`role ${role}, client ${client}, id ${tokenId}, valid until ${validUntil.toISOString().slice(0, 10)}`);
    return { document: { jwt, tokenId, role, client, validUntil }, lines: [jwt] };
  }),
);

async function recordIssue(
  context: CommandContext,
  { client, tokenId, details }: { client: string; tokenId: string; details: Record<string, unknown> },
): Promise<void> {
  if (!context.env["DATABASE_URL"]) {
    context.note("this token is not in the audit log, because DATABASE_URL is not set");
    return;
  }
  const entry = { client, action: "token_issued", subject: `token/${tokenId}`, details } as const;
  await recordAudit(await context.database(), { ...commandLineActor(), ...entry });
}

const revoke = defineCommand(
  "revoke",
  "Revokes a token. Give its id as an argument, or the token itself on stdin: a token typed as an argument would stay in the shell's history.",
  ["npm run token -- revoke 0b6f2f7e-7f4c-4f5e-9d0a-2f1a5d1f8c11", "npm run token -- revoke < token.txt"],
).argument("[id]", "its id, printed when it was issued and kept in the audit log");

revoke.action(
  work(z.object({}), async (context, _options, [id]): Promise<Report> => {
    const token = id === undefined ? await readToken() : await knownToken(context, id);
    const { client, tokenId, expiresAt } = token;
    const by = commandLineActor();
    const isNew = await inTransaction(await context.database(), async (session) => {
      const revoked = await revokeToken(session, { client, tokenId, expiresAt, by: by.actor });
      if (revoked) await recordAudit(session, { ...by, client, action: "token_revoked", subject: `token/${tokenId}` });
      return revoked;
    });
    return {
      document: { tokenId, client, expiresAt, revoked: isNew },
      lines: [isNew ? `token ${tokenId} is refused within seconds` : `token ${tokenId} was revoked before`],
    };
  }),
);

interface NamedToken {
  client: string;
  tokenId: string;
  expiresAt: Date | null;
}

async function knownToken(context: CommandContext, tokenId: string): Promise<NamedToken> {
  const issued = await findIssuedToken(await context.database(), tokenId);
  if (issued !== null) return { ...issued, tokenId };
  context.note("the audit log has no token with this id; if another program issued it, it is now refused for ever");
  return { client: context.client(undefined), tokenId, expiresAt: null };
}

/** Not verified: refusing what would be refused anyway does no harm. */
async function readToken(): Promise<NamedToken> {
  let given = "";
  for await (const chunk of process.stdin) given += String(chunk);
  const token = given.trim().replace(/^bearer +/i, "");
  try {
    const { jti, client, exp } = decodeJwt<{ client?: string }>(token);
    return {
      tokenId: jti ?? tokenHash(token),
      client: client ?? "",
      expiresAt: exp === undefined ? null : new Date(exp * 1_000),
    };
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    throw new CommandError(exitCodes.usage, "the text on stdin is no token");
  }
}

await runCommand(command.addCommand(revoke));
