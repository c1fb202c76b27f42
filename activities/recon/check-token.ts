import { z } from "zod";
import { typedId } from "../../core/typed.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { acceptToken, dropOfferedToken, readOfferedToken, type OfferOf } from "../../queries/recon/tokens.ts";
import { checkedInput } from "../shared/input.ts";
import { ownAccount, platformHttp, redactFor } from "./ask-platform.ts";
import { needsAPerson } from "../../rules/recon/choose-answer.ts";
import { id, platformNamed, type ReconContext } from "./context.ts";

/** Names the token by the offer it came with: its value travels in no history. */
export type TokenOffer = OfferOf;

export type TokenChecked = { works: true } | { works: false; reason: string };

const shape = z.strictObject({ client: typedId, affiliateId: id, platform: z.string(), offerId: z.uuid() });

/** Whose queue a token is tried on. */
export function planTokenCheck(input: TokenOffer): Promise<{ vendor: string }> {
  const { platform } = checkedInput(shape, input);
  return Promise.resolve({ vendor: platformNamed(platform).vendor.name });
}

/** Tries a token that an affiliate gave. One that works is used from now on; the other is deleted, and the one before stays. */
export async function checkToken(context: ReconContext, offer: TokenOffer): Promise<TokenChecked> {
  const { database } = context;
  const platform = platformNamed(offer.platform);
  const offered = await readOfferedToken(database, offer);
  if (offered === null) return { works: false, reason: "another token was given since, or this one was tried before" };
  const { client, affiliateId } = offer;
  const { sealed: sealedToken, mode, sealedConfig } = offered;
  const account = ownAccount(context, {
    client,
    affiliateId,
    platform,
    access: { mode, sealedConfig, sealedToken },
  });
  if (account === null)
    return refuse(
      mode === "sandbox"
        ? "the platform is switched to its sandbox, which takes sandbox tokens alone"
        : `it must hold ${platform.ownCredentials.join(" or ")}`,
    );
  const http = platformHttp(context, platform, account);
  try {
    await http.json(await platform.vendor.probe(account.secrets ?? {}, account.settings));
  } catch (error) {
    if (!(error instanceof ConnectorError) || !needsAPerson(error) || error.kind === "quota_spent") throw error;
    return refuse(`${platform.name} refuses it: ${redactFor(context, account)(error.message)}`.slice(0, 300));
  }
  await acceptToken(database, offer);
  return { works: true };

  async function refuse(reason: string): Promise<TokenChecked> {
    await dropOfferedToken(database, offer);
    return { works: false, reason };
  }
}
