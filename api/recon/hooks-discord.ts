import { z } from "zod";
import { seal } from "../../core/crypto.ts";
import { hashDiscordUser } from "../../rules/recon/discord-user.ts";
import {
  answerTypes,
  interactionTypes,
  isSigned,
  onlyForThem,
  readInteraction,
  submitCommandName,
  type Interaction,
} from "../../rules/recon/discord-interaction.ts";
import type { DiscordSettings } from "../../settings/discord.ts";
import { platformOfUrl, readPostUrl } from "../../connectors/platforms/addresses.ts";
import { accept } from "../../queries/recon/accept.ts";
import type { Submission } from "../../rules/recon/submission.ts";
import {
  findAffiliateOfDiscordUser,
  findCampaignNamed,
  listCampaignChoices,
  tokenContext,
} from "../../queries/recon/discord.ts";
import { open } from "../server/access.ts";
import { withinMs } from "../../core/deadline.ts";
import { ApiError, forLog } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { startReconciliation } from "./start-reconciliation.ts";

/** Discord waits three seconds; what is not stored by then is not promised. */
const patienceMs = 2_000;
const bodyLimitBytes = 65_536;

const answer = z.object({
  type: z.int(),
  data: z
    .object({
      content: z.string().optional(),
      flags: z.int().optional(),
      allowed_mentions: z.object({ parse: z.array(z.string()) }).optional(),
      choices: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
    })
    .optional(),
});
type Answer = z.infer<typeof answer>;

/** Discord's interactions: proven by signature over the bytes as they came, stored before the answer. */
export function discordHooks(api: Api, parts: ServerParts): void {
  const { applications } = parts.config.discord;

  // As bytes: the signature is over what was sent, and is checked before anything is read of it.
  api.removeAllContentTypeParsers();
  api.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

  api.post(
    "/discord",
    {
      config: { ...open, rateLimit: { max: 10 * parts.settings.requestsPerMinute, timeWindow: 60_000 } },
      bodyLimit: bodyLimitBytes,
      schema: {
        tags: ["reconciliation"],
        summary: "Discord's interactions endpoint: pings and the command /submit",
        response: { 200: answer },
      },
    },
    async (request) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const signature = headerOf(request.headers["x-signature-ed25519"]);
      const timestamp = headerOf(request.headers["x-signature-timestamp"]);
      const now = new Date();
      const signer = [...applications].find(([, { publicKey }]) =>
        isSigned({ publicKey, signature, timestamp, body, now }),
      );
      if (signer === undefined) throw new ApiError("unauthorized", "the signature is missing, wrong or too old");
      const interaction = readInteraction(body);
      if (interaction === null) throw new ApiError("validation_error", "the body is no interaction");
      const [client, application] = signer;
      if (interaction.applicationId !== application.applicationId)
        throw new ApiError("unauthorized", "the interaction is another application's");
      switch (interaction.type) {
        case interactionTypes.ping:
          return { type: answerTypes.pong };
        case interactionTypes.autocomplete:
          return await suggest(parts, client, interaction).catch(() => ({
            type: answerTypes.choices,
            data: { choices: [] },
          }));
        case interactionTypes.command:
          return await submit(parts, client, application, interaction).catch((error: unknown) => {
            // An error status would show as "the application did not respond": nobody would know to try again.
            request.log.warn({ error: forLog(error) }, "a Discord submission could not be taken");
            return say(
              "That could not be stored just now, so it does not count yet. Please send it again in a minute.",
            );
          });
        default:
          return say("This is not something I can answer.");
      }
    },
  );
}

async function suggest(parts: ServerParts, client: string, { options, focused }: Interaction): Promise<Answer> {
  if (focused !== "campaign") return { type: answerTypes.choices, data: { choices: [] } };
  const choices = await withinMs(
    patienceMs,
    listCampaignChoices(parts.reading, { client, typed: String(options.get("campaign") ?? "").slice(0, 100) }),
  );
  return {
    type: answerTypes.choices,
    data: { choices: choices.map(({ name, campaignId }) => ({ name: name.slice(0, 100), value: campaignId })) },
  };
}

async function submit(
  parts: ServerParts,
  client: string,
  { applicationId }: DiscordSettings,
  interaction: Interaction,
): Promise<Answer> {
  const { command, options, userId, token } = interaction;
  if (command !== submitCommandName) return say("There is no such command here: use /submit.");
  if (userId === null || token === null) return say("Discord did not say who you are.");
  const { credentialsKey, hashingKey } = parts.config;
  if (credentialsKey === null || hashingKey === null) return say("Submissions over Discord are not set up yet.");
  const discordUserHash = hashDiscordUser(hashingKey, { client, userId });
  const sealedToken = seal(credentialsKey, Buffer.from(token), tokenContext({ client, applicationId }));
  return withinMs(patienceMs, work());

  async function work(): Promise<Answer> {
    const affiliate = await findAffiliateOfDiscordUser(parts.reading, { client, discordUserHash });
    if (affiliate === null || !affiliate.isActive)
      return say(
        "Your Discord account belongs to no affiliate here. Ask whoever runs the campaign to add your user id, then send it again.",
      );
    const url = textOf(options.get("url"));
    const platform = textOf(options.get("platform")) || platformOfUrl(url);
    if (platform === null) return say("That address is on no platform that posts can be checked on.");
    const named = textOf(options.get("campaign"));
    const campaign = await findCampaignNamed(parts.reading, { client, named });
    if (campaign === null) return say(`There is no campaign "${named.slice(0, 100)}".`);
    const claimed = {
      views: options.get("views") ?? 0,
      clicks: options.get("clicks") ?? 0,
      conversions: options.get("conversions") ?? 0,
    };
    const counts = z.object({ views: count, clicks: count, conversions: count }).safeParse(claimed);
    if (!counts.success) return say(`${String(counts.error.issues[0]?.path[0])} must be a whole number, 0 or more.`);
    const submission: Submission = {
      client,
      affiliateId: affiliate.affiliateId,
      campaignId: campaign.campaignId,
      platform,
      post: readPostUrl(platform, url),
      claimed: counts.data,
      evidence: null,
      method: "DISCORD",
      idempotencyKey: interaction.id,
      interaction: { applicationId, sealedToken },
    };
    const accepted = await accept(parts.database, submission);
    if (accepted.outcome === "refused") return say(`Not taken: ${accepted.field} ${accepted.message}`);
    const takenIn = accepted.outcome === "accepted" ? { hasInteraction: true } : null;
    startReconciliation(parts, { client, reportId: accepted.reportId, platform, takenIn });
    return { type: answerTypes.deferred, data: { flags: onlyForThem } };
  }
}

const count = z.int().min(0);
const textOf = (value: string | number | boolean | undefined) => (typeof value === "string" ? value.trim() : "");
const headerOf = (value: string | string[] | undefined) => (typeof value === "string" ? value : undefined);

/** Seen by whoever asked alone, and mentioning nobody whatever it quotes. */
function say(content: string): Answer {
  return {
    type: answerTypes.message,
    data: { content: content.slice(0, 2_000), flags: onlyForThem, allowed_mentions: { parse: [] } },
  };
}
