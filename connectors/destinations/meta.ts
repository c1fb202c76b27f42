import { LosslessNumber } from "lossless-json";
import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { identityOf, type Identity } from "../../rules/conversions/identity.ts";
import { metaAccount } from "../../rules/conversions/person-destinations.ts";
import { parseMoney } from "../../core/money.ts";
import { ConnectorError } from "../errors.ts";
import { count } from "../fields.ts";
import type { PageRequest, Refusal } from "../source.ts";
import { defineDestination, type Batch } from "./destination.ts";
import { isolate, withoutPersons, type Outgoing, type Settled } from "./outgoing.ts";

const shared = { clients: "shared" } as const;

const settings = z.object({
  META_GRAPH_VERSION: z
    .string()
    .regex(/^v\d+\.\d+$/, "must look like v26.0")
    .default("v26.0")
    .meta(about("The version of Meta's Graph API.", shared)),
  META_TEST_EVENT_CODE: z
    .string()
    .min(1)
    .optional()
    .meta(
      about("Only while trying it out: events with it are shown in Meta's test view and not counted.", {
        ...shared,
        example: "TEST123",
      }),
    ),
  META_EVENT_SOURCE_URL: z
    .url()
    .optional()
    .meta(
      about("The page that events with a known user agent are said to have happened on.", {
        ...shared,
        unset: "all are system generated",
        example: "https://shop.example/thanks",
      }),
    ),
});

type Settings = Record<string, string>;

/** Conversions out to Meta's Conversions API. */
export const meta = defineDestination({
  ...metaAccount,
  settings,
  classify: classifyMeta,
  probe: ({ META_PIXEL_ID, META_ACCESS_TOKEN }, set) => ({
    path: `/${set["META_GRAPH_VERSION"]}/${encodeURIComponent(META_PIXEL_ID)}`,
    query: { fields: "id" },
    headers: { authorization: `Bearer ${META_ACCESS_TOKEN}` },
  }),
  // Meta refuses a call with more.
  mostAtOnce: 1_000,
  // Meta refuses what is older than seven days, and with it the whole call. A minute less, for the way there.
  ageLimitMs: 7 * 86_400_000 - 60_000,
  // Meta knows a repeat by name and id for 48 hours; an hour less, as we do not know when its clock began.
  repeatMs: 47 * 3_600_000,
  // What Meta counted stays counted.
  corrects: false,
  eventName: metaEventName,
  send,
});

const throttled = new Set([4, 17, 32, 341, 613]);
const tooOld = "100/2804003";

const graphError = z.object({
  error: z.object({
    message: z.string().catch(""),
    code: z.number(),
    error_subcode: z.number().optional().catch(undefined),
    is_transient: z.boolean().optional().catch(undefined),
    fbtrace_id: z.string().optional().catch(undefined),
  }),
});

/** By code and subcode: titles and messages come in the account's language, and throttling comes as 400. */
export function classifyMeta(status: number, body: unknown): Refusal {
  const parsed = graphError.safeParse(body);
  if (!parsed.success) {
    if (status === 401 || status === 403) return { kind: "unauthorized", message: "no reason given" };
    if (status === 429) return { kind: "rate_limited", message: "no reason given", retryAfterMs: throttleMs };
    return { kind: status === 408 || status >= 500 ? "unavailable" : "rejected", message: "no error in Meta's form" };
  }
  const { code, error_subcode: subcode, is_transient: passing, message, fbtrace_id: trace } = parsed.data.error;
  const name = subcode === undefined ? String(code) : `${code}/${subcode}`;
  const says = withoutPersons(message).slice(0, 160);
  const found = { message: `code ${name}: ${says}${trace === undefined ? "" : ` (fbtrace_id ${trace})`}`, code: name };
  if (status === 401 || code === 190 || code === 102 || code === 10 || (code >= 200 && code <= 299))
    return { kind: "unauthorized", ...found };
  if (status === 429 || throttled.has(code) || (code >= 80_000 && code <= 80_014))
    return { kind: "rate_limited", ...found, retryAfterMs: throttleMs };
  if (code === 1 || code === 2 || passing === true || status >= 500 || status === 408)
    return { kind: "unavailable", ...found };
  return { kind: "rejected", ...found };
}

/** Meta counts by the hour and says nothing about when to come back. */
const throttleMs = 60_000;

/** Meta's own names for what our vendors call things; others go as custom events. */
const standardNames: Record<string, string> = {
  base: "Purchase",
  sale: "Purchase",
  purchase: "Purchase",
  lead: "Lead",
  signup: "CompleteRegistration",
};

/** Decided once per conversion and kept in the ledger: Meta recognises a repeat by name and id together. */
export function metaEventName(eventName: string): string {
  return standardNames[eventName.trim().toLowerCase()] ?? (eventName.trim().slice(0, 40) || "Other");
}

/** The event as Meta wants it, or why it would refuse it. */
export function metaEvent(
  conversion: Outgoing,
  identity: Identity | null,
  set: Settings,
): { event: object } | { refused: string } {
  // A click id is the person's id where nothing else is known: Meta takes any stable one.
  const user = { ...identityOf({ externalId: conversion.clickId }), ...identity };
  if (!identifies(user)) return { refused: "not sent: it holds nothing by which Meta could find the person" };
  const value = conversion.value === null ? null : parseMoney(conversion.value);
  const priced = value !== null && conversion.currency !== null;
  if (conversion.eventName === "Purchase" && !priced)
    return { refused: "not sent: a Purchase needs a value and a currency" };
  const page = set["META_EVENT_SOURCE_URL"];
  // A website event wants both; claiming one without them would be refused or, worse, accepted.
  const onWebsite = page !== undefined && user.client_user_agent !== undefined;
  return {
    event: {
      event_name: conversion.eventName,
      event_time: Math.floor(conversion.eventTime.getTime() / 1_000),
      event_id: conversion.eventId,
      action_source: onWebsite ? "website" : "system_generated",
      ...(onWebsite ? { event_source_url: page } : {}),
      user_data: user,
      custom_data: {
        ...(priced ? { value: new LosslessNumber(value), currency: conversion.currency } : {}),
        ...(conversion.orderId === null ? {} : { order_id: conversion.orderId }),
      },
    },
  };
}

/** A country or a gender alone identifies no person; an address goes with its user agent, a name with another name or a place. */
function identifies(user: Identity): boolean {
  if (user.em ?? user.ph ?? user.external_id ?? user.fbc ?? user.fbp) return true;
  if (user.client_ip_address !== undefined && user.client_user_agent !== undefined) return true;
  return user.fn !== undefined && user.ln !== undefined && (user.ct ?? user.zp ?? user.db) !== undefined;
}

const received = z.object({ events_received: count });

/** Sends a batch; one bad event is found and named, the others go. Throws what concerns the account and not an event. */
async function send(batch: Batch): Promise<void> {
  const { http, secrets: account, settings: set, conversions, identities, onSettled } = batch;
  const ready: { conversionKey: string; event: object }[] = [];
  const settled: Settled[] = [];
  for (const conversion of conversions) {
    const { conversionKey } = conversion;
    const made = metaEvent(conversion, identities.get(conversionKey) ?? null, set);
    if ("refused" in made) settled.push({ conversionKey, state: "failed", answer: made.refused });
    else ready.push({ conversionKey, event: made.event });
  }
  if (settled.length > 0) await onSettled(settled);
  await isolate(
    ready,
    async (part) => {
      const answer = received.safeParse(
        await http.json(
          eventsRequest(
            account,
            set,
            part.map(({ event }) => event),
          ),
        ),
      );
      if (!answer.success)
        throw new ConnectorError("malformed", "answered 200 without saying how many events it received");
      if (answer.data.events_received !== part.length) {
        throw new ConnectorError(
          "malformed",
          `received ${answer.data.events_received} of ${part.length} events and does not say which`,
        );
      }
      await onSettled(part.map(({ conversionKey }) => ({ conversionKey, state: "delivered", answer: "received" })));
    },
    async ({ conversionKey }, error) => {
      await onSettled([{ conversionKey, state: error.code === tooOld ? "expired" : "failed", answer: error.message }]);
    },
    blamesAnEvent,
  );
}

/** 100/33: the pixel itself is unknown or closed to us. */
const blamesAnEvent = ({ kind, code }: ConnectorError) =>
  kind === "rejected" && code !== null && /^100(\/|$)/.test(code) && code !== "100/33";

function eventsRequest(account: Settings, set: Settings, events: object[]): PageRequest {
  const testCode = set["META_TEST_EVENT_CODE"];
  return {
    method: "POST",
    path: `/${set["META_GRAPH_VERSION"]}/${encodeURIComponent(account["META_PIXEL_ID"] ?? "")}/events`,
    headers: { authorization: `Bearer ${account["META_ACCESS_TOKEN"]}` },
    body: { data: events, ...(testCode === undefined ? {} : { test_event_code: testCode }) },
  };
}
