import { uuidv7 } from "../../core/uuid.ts";
import { seal, type KeyRing } from "../../core/crypto.ts";
import { addressOf } from "../../rules/promo/address.ts";
import { agentMaxLength, readAgent, type Agent } from "../../rules/promo/agent.ts";
import { agentContext, type Click } from "../../rules/promo/events.ts";
import { keptReferrer } from "../../rules/promo/referrer.ts";
import { withinMs } from "../../core/deadline.ts";
import type { AddressHashes } from "./counting/address-hashes.ts";

export interface ReceivedClick {
  variationId: number;
  via: Click["via"];
  /** The caller's; without one we make one. */
  eventId?: string | undefined;
  clickId?: string | undefined;
  referrer?: string | null | undefined;
  agent?: string | null | undefined;
  address?: string | null | undefined;
}

export interface ClickKeeper {
  hashes: AddressHashes;
  identityKey: KeyRing | null;
  storesAddressHash: boolean;
}

/** How long the first click of a process waits for the secret that addresses are hashed with. */
const secretPatienceMs = 50;
const agentsRemembered = 2_000;
const agents = new Map<string, Agent>();

/** The click as it is kept: nothing of it that stands for a person is in clear any more. */
export async function keepClick(click: ReceivedClick, keeper: ClickKeeper): Promise<Click> {
  const { hashes, identityKey, storesAddressHash } = keeper;
  if (!hashes.isReady) await withinMs(secretPatienceMs, hashes.lookAfter()).catch(() => undefined);
  const agent = (click.agent ?? "").slice(0, agentMaxLength);
  const { device, bot } = agentOf(agent);
  const eventId = click.eventId ?? uuidv7();
  const given = storesAddressHash ? (click.address ?? null) : null;
  const known = addressOf(given ?? "");
  // A retry may come from another port of the same visitor.
  const address = known ?? given;
  // Ours cannot come a second time from outside: nothing to compare.
  const content =
    click.eventId === undefined ? null : hashes.hash(`event ${eventId}`, JSON.stringify([agent, address]));
  return {
    event_id: eventId,
    variation_id: click.variationId,
    at: new Date().toISOString(),
    via: click.via,
    click_id: click.clickId ?? null,
    referrer: keptReferrer(click.referrer),
    device,
    bot,
    is_bot: bot !== null,
    ip_hash: known === null ? null : hashes.hash(`variation ${click.variationId}`, known),
    body_hash: content === null ? null : `${hashes.month()}:${content}`,
    agent:
      agent === "" || identityKey === null
        ? null
        : seal(identityKey, Buffer.from(agent), agentContext(eventId)).toString("base64"),
  };
}

/** To read an agent takes longer than all the rest of a click, and most clicks have one of few. */
function agentOf(text: string): Agent {
  const known = agents.get(text);
  if (known !== undefined) return known;
  const read = readAgent(text);
  if (agents.size >= agentsRemembered) agents.clear();
  agents.set(text, read);
  return read;
}
