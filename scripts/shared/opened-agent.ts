import { openSealed, type KeyRing } from "../../core/crypto.ts";
import { agentContext } from "../../rules/promo/events.ts";
import { recordAudit } from "../../queries/ops/audit.ts";
import { agentDays } from "../../queries/promo/retention.ts";
import { readSealedAgent, type SealedAgent } from "../../queries/promo/sealed-agent.ts";
import type { Queryable } from "../../schema/database.ts";
import { commandLineActor } from "./audit.ts";
import { CommandError, exitCodes } from "./failures.ts";

export interface OpenedAgent extends Omit<SealedAgent, "sealed"> {
  agent: string;
}

interface AgentAsked {
  client: string;
  eventId: string;
  keys: KeyRing | null;
}

/** The browser's own words of a click. That a person saw them is recorded before they are shown. */
export async function openAgent(database: Queryable, { client, eventId, keys }: AgentAsked): Promise<OpenedAgent> {
  if (keys === null)
    throw new CommandError(exitCodes.usage, "user agents are encrypted with IDENTITY_ENCRYPTION_KEY: set it");
  const found = await readSealedAgent(database, { client, eventId });
  if (found === null) throw new CommandError(exitCodes.usage, `client ${client} has no click ${eventId}`);
  const { sealed, ...click } = found;
  if (sealed === null)
    throw new CommandError(
      exitCodes.found,
      `no user agent is kept of click ${eventId}: none was sent, or it is older than ${agentDays} days`,
    );
  const agent = opened(keys, sealed, eventId);
  await recordAudit(database, {
    ...commandLineActor(),
    client,
    action: "agent_viewed",
    subject: `promo click/${eventId}`,
    details: { variation: click.variationId, clickedAt: click.clickedAt.toISOString() },
  });
  return { ...click, agent };
}

function opened(keys: KeyRing, sealed: Buffer, eventId: string): string {
  try {
    return openSealed(keys, sealed, agentContext(eventId)).toString();
  } catch {
    throw new CommandError(
      exitCodes.found,
      `the user agent of click ${eventId} was encrypted with another IDENTITY_ENCRYPTION_KEY`,
    );
  }
}
