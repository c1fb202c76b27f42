import { cancellationSignal } from "@temporalio/activity";
import { assertNever } from "../../core/assert-never.ts";
import { createRedactor, type Redact } from "../../core/redact.ts";
import { ConnectorError, type ConnectorErrorKind } from "../../connectors/errors.ts";
import type { Http } from "../../connectors/http.ts";
import { platformAccount, type PlatformAccount } from "../../connectors/platforms/account.ts";
import type { Platform } from "../../connectors/platforms/platform.ts";
import { notePlatformFails, notePlatformWorks, type QuotaSeen } from "../../queries/recon/health.ts";
import type { ReportToJudge } from "../../queries/recon/report-to-judge.ts";
import type { SealedAccess } from "../../queries/recon/shapes.ts";
import { noteTokenFails, noteTokenWorks } from "../../queries/recon/tokens.ts";
import { openCredentials, type CredentialsOwner } from "../../rules/recon/platform-credentials.ts";
import { clientNamed } from "../shared/input.ts";
import { gatedHttp } from "../shared/with-vendor.ts";
import { chooseAnswer, isEnough, needsAPerson, type Tried as TriedWith } from "../../rules/recon/choose-answer.ts";
import type { Asked, Waits } from "../../rules/recon/platform-answer.ts";
import type { ReconContext } from "./context.ts";

type Tried = TriedWith<ConnectorError>;

export interface PlatformAsk {
  client: string;
  affiliateId: string;
  platform: Platform;
  access: SealedAccess;
}

/** Asks with the client's account, and with the affiliate's own token where the client's does not show the post. */
export async function askPlatform(
  context: ReconContext,
  ask: PlatformAsk,
  post: ReportToJudge["post"],
): Promise<Asked> {
  const { platform } = ask;
  const client = clientAccount(context, ask);
  const own = ownAccount(context, ask);
  const first = await askWith(context, platform, client, post);
  const chosen =
    own === null || isEnough(platform, first)
      ? { whose: "client" as const, tried: first, note: null }
      : chooseAnswer(platform, first, await askWithOwn(context, ask, own, post));
  const { tried, note } = chosen;
  switch (tried.kind) {
    case "answer":
      return { kind: "answered", answer: tried.answer, note };
    case "missing":
      return notSetUp(platform, tried.settings);
    case "error": {
      const isOwn = chosen.whose === "affiliate";
      const redact = redactFor(context, isOwn && own !== null ? own : client);
      return waitFor(platform, tried.error, { isOwn, redact });
    }
    default:
      return assertNever(tried);
  }
}

function notSetUp(platform: Platform, settings: readonly string[]): Waits {
  return {
    kind: "waits",
    reason: `${platform.name} is not set up yet`,
    detail: `set ${settings.join(", ")}`,
    retryAfterMs: null,
    needsAPerson: true,
    error: null,
  };
}

export function waitFor(platform: Platform, error: ConnectorError, of: { isOwn: boolean; redact: Redact }): Waits {
  return {
    kind: "waits",
    reason: whyItWaits(platform.name, error.kind, of.isOwn),
    detail: of.redact(error.message),
    retryAfterMs: error.retryAfterMs,
    needsAPerson: needsAPerson(error),
    error: error.kind,
  };
}

/** In words for the affiliate: what went wrong between us and the platform is not theirs to read. */
function whyItWaits(platform: string, kind: ConnectorErrorKind, isOwn: boolean): string {
  switch (kind) {
    case "unauthorized":
      return isOwn
        ? `${platform} does not take the affiliate's token any more: it has to be renewed`
        : `${platform} does not let us in at the moment`;
    case "rate_limited":
    case "quota_spent":
      return `${platform} asks us to come back later`;
    case "unavailable":
      return `${platform} does not answer at the moment`;
    case "rejected":
    case "malformed":
    case "duplicate_key":
      return `${platform} answers in a way that we do not understand yet`;
    default:
      return assertNever(kind);
  }
}

/** The client's own account: as a person stored it, else as the settings have it. */
export function clientAccount(
  context: ReconContext,
  ask: Pick<PlatformAsk, "client" | "platform" | "access">,
): PlatformAccount {
  return accountWith(context, ask, null);
}

/** The account of the affiliate's own token; null where there is none that could be used. */
export function ownAccount(context: ReconContext, ask: PlatformAsk): PlatformAccount | null {
  const { client, affiliateId, platform, access } = ask;
  const opened = openSealed(context, { client, platform: platform.name, affiliateId }, access.sealedToken);
  if (opened === null) return null;
  const account = accountWith(context, ask, { id: affiliateId, credentials: opened });
  return account.isAffiliates ? account : null;
}

function accountWith(
  context: ReconContext,
  { client, platform, access }: Pick<PlatformAsk, "client" | "platform" | "access">,
  affiliate: { id: string; credentials: Record<string, string> } | null,
): PlatformAccount {
  const { config } = context;
  clientNamed(config, client);
  const credentials = openSealed(context, { client, platform: platform.name, affiliateId: null }, access.sealedConfig);
  return platformAccount({ config, platform, client, stored: { mode: access.mode, credentials, affiliate } });
}

/** What was sealed under another key is as good as not there. */
function openSealed(
  { config: { credentialsKey } }: ReconContext,
  owner: CredentialsOwner,
  sealed: Buffer | null,
): Record<string, string> | null {
  return sealed === null || credentialsKey === null ? null : openCredentials(credentialsKey, owner, sealed);
}

export function redactFor({ redact }: ReconContext, account: PlatformAccount): Redact {
  const own = createRedactor(Object.values(account.secrets ?? {}));
  return (text) => redact(own(text));
}

/** One account's word on a post; and with the client's own, whether the platform works is written down. */
async function askWith(
  context: ReconContext,
  platform: Platform,
  account: PlatformAccount,
  post: ReportToJudge["post"],
): Promise<Tried> {
  const { credentials } = account;
  if (credentials === null) return { kind: "missing", settings: account.missing };
  let quota: QuotaSeen | null = null;
  const http = platformHttp(context, platform, account, (seen) => (quota = seen));
  const of = { client: account.client, platform: platform.name };
  try {
    const answer = await platform.fetchMetrics({ http, post: postAsked(post), credentials });
    if (!account.isAffiliates) await notePlatformWorks(context.database, of, quota);
    return { kind: "answer", answer };
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    // A busy platform answers "wait": that is normal.
    if (!account.isAffiliates && error.kind !== "rate_limited") {
      const message = redactFor(context, account)(error.message);
      await notePlatformFails(context.database, { ...of, kind: error.kind, message });
    }
    return { kind: "error", error };
  }
}

/** The affiliate's token, and whether it still works. */
async function askWithOwn(
  context: ReconContext,
  { client, affiliateId, platform, access: { sealedToken } }: PlatformAsk,
  account: PlatformAccount,
  post: ReportToJudge["post"],
): Promise<Tried> {
  const tried = await askWith(context, platform, account, post);
  if (sealedToken === null) return tried;
  const of = { client, affiliateId, platform: platform.name, sealed: sealedToken };
  if (tried.kind === "answer") await noteTokenWorks(context.database, of);
  else if (tried.kind === "error" && tried.error.kind === "unauthorized")
    await noteTokenFails(context.database, {
      ...of,
      message: redactFor(context, account)(tried.error.message),
    });
  return tried;
}

/** Asks with an account's secrets, in its turn at the gate. */
export function platformHttp(
  context: ReconContext,
  { vendor }: Platform,
  account: PlatformAccount,
  onQuota: (seen: QuotaSeen) => void = () => undefined,
): Http {
  return gatedHttp(
    context,
    { vendor, account },
    {
      signal: cancellationSignal(),
      onQuota: ({ used }) => {
        if (used !== undefined)
          onQuota({ leftPct: Math.max(0, Math.min(100, 100 - used.percent)), resetsInMs: used.resetsInMs });
      },
    },
  );
}

const postAsked = ({ url, platformPostId, postedAt }: ReportToJudge["post"]) => ({
  url,
  postId: platformPostId,
  postedAt: postedAt?.toISOString() ?? null,
});
