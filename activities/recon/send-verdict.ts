import { cancellationSignal } from "@temporalio/activity";
import type { Config } from "../../settings/config.ts";
import { openSealed, type KeyRing } from "../../core/crypto.ts";
import { createRedactor, type Redact } from "../../core/redact.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { findInteraction, deleteInteraction, tokenContext } from "../../queries/recon/discord.ts";
import { findReport, type ReportRow } from "../../queries/recon/reports.ts";
import type { Database } from "../../schema/database.ts";
import type { RateGate } from "../shared/rate-gate.ts";
import { gatedHttp } from "../shared/with-vendor.ts";

export interface DiscordContext {
  database: Database;
  config: Pick<Config, "discord" | "credentialsKey">;
  redact: Redact;
  gate: RateGate;
}

export interface VerdictSent {
  sent: boolean;
  /** Why no message was sent; null when one was. */
  why: string | null;
}

/** Follow-ups go by webhook, five in two seconds for each: with one each, this is only manners. */
const discord = { name: "discord" };
const pace = { intervalMs: 50, concurrent: 4 };
const limits = { totalTimeoutMs: 15_000, maxBytes: 262_144 };
const longestMessage = 2_000;

/**
 * Puts the verdict, or what it waits for, in place of "is thinking". Writing the same answer again is the same
 * answer, so a repeat is harmless; after the verdict the token is deleted.
 */
export async function sendVerdict(
  { database, config, redact, gate }: DiscordContext,
  of: { client: string; reportId: string },
): Promise<VerdictSent> {
  const { client, reportId } = of;
  const interaction = await findInteraction(database, of);
  if (interaction === null) return { sent: false, why: "there is no request from Discord, or it was answered already" };
  const drop = async (why: string): Promise<VerdictSent> => {
    await deleteInteraction(database, of);
    return { sent: false, why };
  };
  if (interaction.isExpired) return await drop("Discord takes no answer after 15 minutes");
  const { applicationId, sealed } = interaction;
  const token = openToken(config.credentialsKey, sealed, tokenContext({ client, applicationId }));
  if (token === null) return await drop("the token was sealed with another CREDENTIALS_ENCRYPTION_KEY");
  const scope = { client, affiliateId: null, advertiserId: null };
  const report = await findReport(database, { scope, reportId });
  if (report === null) return await drop("there is no such report");
  const clean = createRedactor([token]);
  const { baseUrl } = config.discord;
  const account = { name: `discord/${client}`, baseUrl, pace, secrets: { token }, settings: {} };
  const signal = cancellationSignal();
  const http = gatedHttp({ gate, redact }, { vendor: discord, account }, { signal, anyAnswer: true, limits });
  try {
    await http.json({
      method: "PATCH",
      path: `/webhooks/${applicationId}/${encodeURIComponent(token)}/messages/@original`,
      body: { content: describeVerdict(report), allowed_mentions: { parse: [] } },
    });
  } catch (error) {
    // The token ran out, or whoever asked has thrown the answer away: nothing that a person should look at.
    if (error instanceof ConnectorError && (error.kind === "rejected" || error.kind === "unauthorized"))
      return await drop(redact(clean(error.message)).slice(0, 300));
    throw error;
  }
  if (report.verdict !== null) await deleteInteraction(database, of);
  return { sent: true, why: null };
}

function openToken(key: KeyRing | null, sealed: Buffer, context: string): string | null {
  try {
    return key === null ? null : openSealed(key, sealed, context).toString("utf8");
  } catch {
    return null;
  }
}

/** What the affiliate reads: the verdict, why, and the numbers side by side. */
export function describeVerdict(report: ReportRow): string {
  const about = `Report ${report.reportId}, <${report.url}>`;
  if (report.verdict === null)
    return `${about}\nNo verdict yet: ${report.detail ?? "it is being checked"}. Nothing is asked of you.`.slice(
      0,
      longestMessage,
    );
  const title = report.level === null ? report.verdict : `${report.verdict} ${report.level}`;
  const rows = [
    ["views", report.claimedViews, report.verifiedViews, report.viewsDiffPct],
    ["clicks", report.claimedClicks, report.verifiedClicks, report.clicksDiffPct],
    ["conversions", report.claimedConversions, report.verifiedConversions, report.conversionsDiffPct],
  ] as const;
  const lines = rows.map(([metric, claimed, verified, pct]) =>
    verified === null
      ? `${metric}: ${claimed} claimed, not reported by the platform`
      : `${metric}: ${claimed} claimed, ${verified} by the platform${pct === null ? "" : ` (${pct} %)`}`,
  );
  return [about, `**${title.replaceAll("_", " ")}**: ${report.reason ?? ""}`, ...lines]
    .join("\n")
    .slice(0, longestMessage);
}
