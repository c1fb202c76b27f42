import { z } from "zod";
import { nameOf } from "../../core/person-text.ts";
import { seal } from "../../core/crypto.ts";
import { settleAlerts } from "../../queries/ops/alerts.ts";
import {
  channelDeliveryOrders,
  listChannelDeliveries,
  type DeliveryRow,
} from "../../queries/ops/channel-deliveries.ts";
import {
  changeChannel,
  createChannel,
  deleteChannel,
  readChannels,
  type ChannelRow,
  type ChannelSettings,
  type SealedAddress,
} from "../../queries/ops/channels.ts";
import {
  channelContext,
  channelKinds,
  channelSubject,
  hintOf,
  severities,
  wrongAddress,
  type ChannelKind,
} from "../../rules/ops/channel.ts";
import { sqlState } from "../../schema/database.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { sortedListRoute, sortIn } from "../server/sorted-list.ts";
import { instant, iso, number as id, text } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const tags = ["operations"];

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time of day, such as 22:00");

const settings = z.object({
  name: nameOf({ most: 100 }),
  areas: z.array(word).min(1).max(20).nullable().default(null).describe("whose alerts, such as sync; null is all"),
  leastSeverity: z.enum(severities).default("info").describe("notified of alerts from this severity on"),
  isGrouped: z.boolean().default(true).describe("more than five at once are one message"),
  tellsResolved: z.boolean().default(true).describe("notified when an alert is closed, too"),
  tellsMorning: z.boolean().default(false).describe("gets the morning digest, where DIGEST_HOUR is set"),
  quietFrom: timeOfDay.nullable().default(null).describe("nothing is sent from then, in the client's time zone"),
  quietTo: timeOfDay.nullable().default(null),
  criticalPasses: z.boolean().default(true).describe("critical alerts are sent in quiet hours, too"),
  snoozedUntil: z.iso.datetime({ offset: true }).nullable().default(null).describe("nothing is sent before then"),
  isActive: z.boolean().default(true),
});

const address = z
  .string()
  .trim()
  .min(1)
  .max(2_000)
  .describe("a Slack or other webhook's URL, or a mail address; stored encrypted, never shown");

export const channel = z.object({
  channelId: z.number(),
  kind: z.enum(channelKinds),
  hint: z.string().describe("what may be shown of the address: a webhook's host"),
  isSetting: z.boolean().describe("the webhook that ALERT_WEBHOOK_URL names: its address is changed there"),
  ...settings.shape,
  name: z.string(),
  snoozedUntil: instant.nullable(),
  brokenAt: instant.nullable().describe("since when a person has to correct it; null while it works"),
  brokenReason: text,
  createdAt: instant,
  updatedAt: instant,
  updatedBy: z.string(),
  pending: z.number().describe("what is still to be sent to it"),
  failed: z.number(),
  lastDeliveredAt: instant.nullable(),
  lastNote: text.describe("why something was not delivered, the last time"),
});

export const channelDelivery = z.object({
  deliveryId: z.number(),
  what: z.string().describe("opened, resolved, morning or test"),
  alertId: z.number().nullable(),
  alertMessage: text,
  day: text,
  state: z.string().describe("pending, delivered, failed or expired"),
  attempts: z.number(),
  heldUntil: instant.nullable(),
  note: text,
  createdAt: instant,
  deliveredAt: instant.nullable(),
});

const tested = z.object({ workflowId: z.string(), delivered: z.boolean(), why: text });
const underWay = z.object({ workflowId: z.string() });

/** Where alerts are sent. */
export function channelRoutes(api: Api, parts: ServerParts): void {
  readRoutes(api, parts);
  createRoute(api, parts);
  changeRoute(api, parts);
  deleteRoute(api, parts);
  testRoute(api, parts);
}

function readRoutes(api: Api, parts: ServerParts): void {
  api.get(
    "/channels",
    {
      config: readers,
      schema: {
        tags,
        summary: "Where alerts are sent, and how the deliveries stand",
        response: { 200: z.object({ items: z.array(channel) }) },
      },
    },
    async (request) => {
      const rows = await readChannels(parts.reading, { client: callerOf(request).client });
      return { items: rows.map(toChannel) };
    },
  );

  sortedListRoute(api, "/channels/:id/deliveries", {
    config: readers,
    tags,
    summary: "What was or is to be sent to a channel, newest first",
    params: z.object({ id }),
    querystring: paging.extend({
      state: z.enum(["pending", "delivered", "failed", "expired"]).optional(),
      sort: sortIn(channelDeliveryOrders),
    }),
    item: channelDelivery,
    orders: channelDeliveryOrders,
    read: async ({ filter: { state }, order, limit }, request) => {
      const of = { client: callerOf(request).client, channelId: (request.params as { id: number }).id };
      await readOne(parts, of);
      return listChannelDeliveries(parts.reading, { ...of, state, order, limit });
    },
    toItem: toDelivery,
  });
}

function createRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/channels",
    {
      config: keepers,
      schema: {
        tags,
        summary: "A new channel: it is notified of what is open, and of what comes",
        body: settings.extend({ kind: z.enum(channelKinds), address }),
        response: { 201: channel },
      },
    },
    async (request, reply) => {
      const { client, subject } = callerOf(request);
      const { kind, address: given, ...rest } = request.body;
      const sealed = sealAddress(parts, { client, kind, given });
      const set = toSettings(rest);
      const channelId = await audited(parts, request, async (session, record) => {
        const made = await createChannel(session, { ...set, ...sealed, client, kind, by: subject });
        if (made !== null) await record(session, act("channel_created", made, { name: set.name, kind }));
        return made;
      });
      if (channelId === null) throw nameTaken();
      return reply.code(201).send(toChannel(await readOne(parts, { client, channelId })));
    },
  );
}

function changeRoute(api: Api, parts: ServerParts): void {
  api.put(
    "/channels/:id",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Changes a channel, and tries it again where it was broken; without `address` that stays",
        params: z.object({ id }),
        body: settings.extend({ address: address.optional() }),
        response: { 200: channel },
      },
    },
    async (request) => {
      const { client, subject } = callerOf(request);
      const of = { client, channelId: request.params.id };
      const { address: given, ...rest } = request.body;
      const known = await readOne(parts, of);
      if (known.isSetting && given !== undefined)
        throw new ApiError("validation_error", "its address is the setting ALERT_WEBHOOK_URL", {
          address: "must be left out",
        });
      const sealed = given === undefined ? null : sealAddress(parts, { client, kind: known.kind, given });
      const set = toSettings(rest);
      await audited(parts, request, async (session, record) => {
        if (!(await changeChannel(session, { ...set, ...of, address: sealed, by: subject }))) throw notFound("channel");
        await record(
          session,
          act("channel_changed", of.channelId, { ...set, address: given === undefined ? "as it was" : "new" }),
        );
      }).catch((error: unknown) => {
        throw sqlState(error) === "23505" ? nameTaken() : error;
      });
      return toChannel(await readOne(parts, of));
    },
  );
}

function deleteRoute(api: Api, parts: ServerParts): void {
  api.delete(
    "/channels/:id",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Removes a channel with its deliveries",
        params: z.object({ id }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const of = { client, channelId: request.params.id };
      const known = await readOne(parts, of);
      if (known.isSetting)
        throw new ApiError(
          "conflict",
          "this channel is the setting ALERT_WEBHOOK_URL: take it out there, or switch it off here",
        );
      await audited(parts, request, async (session, record) => {
        const name = await deleteChannel(session, of);
        if (name === null) throw notFound("channel");
        await settleAlerts(session, {
          client,
          area: "ops",
          kinds: ["channel_broken", "channel_silent"],
          subject: channelSubject(of.channelId),
          notes: "the channel was removed",
        });
        await record(session, act("channel_deleted", of.channelId, { name, kind: known.kind }));
      });
      return reply.code(204).send(null);
    },
  );
}

function testRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/channels/:id/test",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Sends a test now, whatever the hour; a channel that takes it counts as working",
        params: z.object({ id }),
        response: { 200: tested, 202: underWay },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const of = { client, channelId: request.params.id };
      const { name } = await readOne(parts, of);
      await audited(parts, request, (session, record) =>
        record(session, act("channel_tested", of.channelId, { name })),
      );
      const outcome = await runWorkflow<{ delivered: boolean; why: string | null }>(parts, {
        type: "testChannel",
        workflowId: `test-channel/${of.channelId}`,
        client,
        input: of,
        summary: `test of channel ${of.channelId}, client ${client}`,
        again: true,
      });
      const { workflowId } = outcome;
      return outcome.done
        ? reply.code(200).send({ workflowId, ...outcome.result })
        : reply.code(202).send({ workflowId });
    },
  );
}

async function readOne({ database }: ServerParts, of: { client: string; channelId: number }): Promise<ChannelRow> {
  const [row] = await readChannels(database, of);
  if (row === undefined) throw notFound("channel");
  return row;
}

function sealAddress(
  { config }: ServerParts,
  { client, kind, given }: { client: string; kind: ChannelKind; given: string },
): SealedAddress {
  const wrong = wrongAddress(kind, given, config.telling);
  if (wrong !== null) throw new ApiError("validation_error", "body is not valid", { address: wrong });
  if (kind === "email" && config.telling.mail === null)
    throw new ApiError("unavailable", "no mail can be sent: SMTP_URL is not set");
  if (config.credentialsKey === null)
    throw new ApiError("unavailable", "an address cannot be kept: CREDENTIALS_ENCRYPTION_KEY is not set");
  return { sealed: seal(config.credentialsKey, Buffer.from(given), channelContext(client)), hint: hintOf(kind, given) };
}

function toSettings(given: z.output<typeof settings>): ChannelSettings {
  if ((given.quietFrom === null) !== (given.quietTo === null))
    throw new ApiError("validation_error", "body is not valid", { quietTo: "goes with quietFrom" });
  return { ...given, snoozedUntil: given.snoozedUntil === null ? null : new Date(given.snoozedUntil) };
}

const nameTaken = () => new ApiError("conflict", "there is a channel of this name: choose another");

function act<Action extends string>(action: Action, channelId: number, details: Record<string, unknown>) {
  return { action, subject: channelSubject(channelId), details };
}

function toChannel(row: ChannelRow): z.infer<typeof channel> {
  return {
    ...row,
    snoozedUntil: iso(row.snoozedUntil),
    brokenAt: iso(row.brokenAt),
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    lastDeliveredAt: iso(row.lastDeliveredAt),
  };
}

function toDelivery(row: DeliveryRow): z.infer<typeof channelDelivery> {
  return {
    ...row,
    heldUntil: iso(row.heldUntil),
    createdAt: row.createdAt.toISOString(),
    deliveredAt: iso(row.deliveredAt),
  };
}
