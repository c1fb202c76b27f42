import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { assertNever } from "../../core/assert-never.ts";
import { isTimeZone } from "../../core/days.ts";
import { cents, subtractMoney, sumMoney } from "../../core/money.ts";
import { ConnectorError } from "../errors.ts";
import type { PageRequest, Refusal } from "../source.ts";
import { defineDestination, type Batch, type Reach } from "./destination.ts";
import { isolate, withoutPersons, type Outgoing, type Settled } from "./outgoing.ts";

const shared = { clients: "shared" } as const;
const stage = (standard: string, what: string) =>
  z
    .string()
    .min(1)
    .default(standard)
    .meta(about(`The deal stage of ${what}.`, shared));

const secrets = z.object({
  HUBSPOT_ACCESS_TOKEN: z
    .string()
    .min(1)
    .meta(about("A private app's token with crm.objects.deals.read and crm.objects.deals.write.")),
});

const pathPrefix = z.string().regex(/^\/\S*[^/\s]$/, "must start with / and not end with it");

const settings = z.object({
  HUBSPOT_OBJECTS_PATH: pathPrefix
    .default("/crm/v3/objects")
    .meta(about("HubSpot dates its versions: /crm/objects/2026-03 does the same.", shared)),
  HUBSPOT_PROPERTIES_PATH: pathPrefix
    .default("/crm/v3/properties")
    .meta(about("The same for properties: /crm/properties/2026-03.", shared)),
  HUBSPOT_ID_PROPERTY: z
    .string()
    .regex(/^[a-z][a-z0-9_]*$/, "must be a property's internal name")
    .default("conversion_key")
    .meta(
      about("A deal property with unique values, which has to exist: a repeat writes the same deal again.", shared),
    ),
  HUBSPOT_PIPELINE: z.string().min(1).default("default").meta(about("The pipeline that deals go to.", shared)),
  HUBSPOT_DEALSTAGE: stage("closedwon", "a sale"),
  HUBSPOT_LEAD_DEALSTAGE: stage("appointmentscheduled", "a lead or anything else that is no sale yet: an open one"),
  HUBSPOT_LOST_DEALSTAGE: stage("closedlost", "what was charged back or is no longer approved"),
  HUBSPOT_TIMEZONE: z
    .string()
    .refine(isTimeZone, "must be a time zone")
    .default("UTC")
    .meta(about("The account's zone: its daily limit is reset at midnight there.", shared)),
});

type Settings = Record<string, string>;

/** Conversions out to HubSpot as deals. 100 requests in 10 s are a private app's due; we stay below. */
export const hubspot = defineDestination({
  name: "hubspot",
  title: "HubSpot: conversions",
  baseUrl: "https://api.hubapi.com",
  pace: { intervalMs: 120, concurrent: 2 },
  secrets,
  settings,
  classify: classifyHubspot,
  probe: (account, set) => propertyRequest(account, set),
  // HubSpot refuses a call with more.
  mostAtOnce: 100,
  // A deal may be of any age, is known by its key for ever, and can be written again.
  ageLimitMs: null,
  repeatMs: null,
  corrects: true,
  checkAccount: checkProperty,
  send,
});

const hubspotError = z.object({
  message: z.string().catch(""),
  category: z.string().optional().catch(undefined),
  errorType: z.string().optional().catch(undefined),
  policyName: z.string().optional().catch(undefined),
  correlationId: z.string().optional().catch(undefined),
});

/** A limit of ten seconds is waited for; that of the day comes back at midnight, and trying again would only count as errors. */
export function classifyHubspot(status: number, body: unknown): Refusal {
  const parsed = hubspotError.safeParse(body);
  const said = parsed.success ? parsed.data : { message: "" };
  const code = said.policyName ?? said.category ?? said.errorType ?? String(status);
  const trace = said.correlationId === undefined ? "" : ` (correlationId ${said.correlationId})`;
  const found = { message: `${code}: ${withoutPersons(said.message).slice(0, 160)}${trace}`, code };
  if (status === 401 || status === 403) return { kind: "unauthorized", ...found };
  if (status === 429)
    return said.policyName === "DAILY"
      ? { kind: "quota_spent", ...found }
      : { kind: "rate_limited", ...found, retryAfterMs: 10_000 };
  // Locked: another client writes the same records.
  if (status === 423) return { kind: "rate_limited", ...found, retryAfterMs: 2_000 };
  // 409: two writers met; 477: the account is being moved.
  if (status === 408 || status === 409 || status === 477 || status >= 500) return { kind: "unavailable", ...found };
  return { kind: "rejected", ...found };
}

const property = z.looseObject({
  name: z.string(),
  hasUniqueValue: z.boolean().nullish(),
  archived: z.boolean().nullish(),
});

/** Without the unique property every upsert would fail, and creating it is a person's decision. */
async function checkProperty({ http, secrets: account, settings: set }: Reach): Promise<void> {
  const name = set["HUBSPOT_ID_PROPERTY"] ?? "";
  const todo = `create a deal property with the internal name ${name}, single-line text, with "require unique values" (that is only possible when it is created)`;
  const answer = await http.json(propertyRequest(account, set)).catch((error: unknown) => {
    const unknown = error instanceof ConnectorError && error.kind === "rejected" && /^answered 404/.test(error.message);
    throw unknown ? new ConnectorError("rejected", `HubSpot has no deal property ${name}: ${todo}`) : error;
  });
  const found = property.safeParse(answer);
  if (!found.success)
    throw new ConnectorError("malformed", "the property's description has another form than expected");
  if (found.data.hasUniqueValue !== true || found.data.archived === true) {
    throw new ConnectorError(
      "rejected",
      `HubSpot's deal property ${name} does not require unique values, or is archived: ${todo}, and set HUBSPOT_ID_PROPERTY to its name`,
    );
  }
}

const batchAnswer = z.looseObject({
  results: z.array(z.looseObject({ properties: z.record(z.string(), z.string().nullable()) })).default([]),
  errors: z
    .array(
      z.looseObject({
        message: z.string().catch(""),
        category: z.string().optional().catch(undefined),
        context: z
          .looseObject({ objectWriteTraceId: z.array(z.string()).optional().catch(undefined) })
          .optional()
          .catch(undefined),
      }),
    )
    .default([]),
});

/** Upserts deals; those HubSpot refuses are named, the others are written. Throws what concerns the account and not a deal. */
async function send({ http, secrets: account, settings: set, conversions, onSettled }: Batch): Promise<void> {
  const idProperty = set["HUBSPOT_ID_PROPERTY"] ?? "";
  // One id twice refuses the whole batch.
  const inputs = [
    ...new Map(conversions.map((conversion) => [conversion.conversionKey, dealInput(conversion, set)])).values(),
  ];
  await isolate(
    inputs,
    async (part) => {
      const answer = batchAnswer.safeParse(await http.json(upsertRequest(account, set, part)));
      if (!answer.success)
        throw new ConnectorError("malformed", "the answer to an upsert has another form than expected");
      const { results, errors } = answer.data;
      const settled = new Map<string, Settled>();
      for (const { message, category, context } of errors) {
        for (const conversionKey of context?.objectWriteTraceId ?? []) {
          settled.set(conversionKey, {
            conversionKey,
            state: "failed",
            answer: `${category ?? "refused"}: ${withoutPersons(message).slice(0, 200)}`,
          });
        }
      }
      const says = new Map(conversions.map((one) => [one.conversionKey, changeOf(one)]));
      // By the id property's value: results come in any order.
      for (const { properties } of results) {
        const conversionKey = properties[idProperty];
        if (typeof conversionKey === "string")
          settled.set(conversionKey, {
            conversionKey,
            state: "delivered",
            answer: ["upserted", says.get(conversionKey) ?? null].filter((word) => word !== null).join(": "),
          });
      }
      const sent = new Set(part.map(({ id }) => id));
      await onSettled([...settled.values()].filter(({ conversionKey }) => sent.has(conversionKey)));
      const silent = part.filter(({ id }) => !settled.has(id));
      // Upserting again changes nothing, so asking again is the way to know.
      if (silent.length > 0)
        throw new ConnectorError("unavailable", `the answer says nothing of ${silent.length} of ${part.length} deals`);
    },
    async ({ id }, error) => onSettled([{ conversionKey: id, state: "failed", answer: error.message }]),
    ({ kind, code }) => kind === "rejected" && code === "VALIDATION_ERROR",
  );
}

interface DealInput {
  idProperty: string;
  id: string;
  objectWriteTraceId: string;
  properties: Record<string, string>;
}

/** Every value is text, amounts with a dot, moments in UTC. Nothing in it is about a person. */
export function dealInput(conversion: Outgoing, set: Settings): DealInput {
  const { conversionKey, orderId, eventName, value, currency, standing, chargedBack } = conversion;
  const idProperty = set["HUBSPOT_ID_PROPERTY"] ?? "";
  const change = changeOf(conversion);
  const isLost = standing !== "stands";
  const isOpen = !isLost && conversion.type !== "SALE";
  const stageSetting = isLost ? "HUBSPOT_LOST_DEALSTAGE" : isOpen ? "HUBSPOT_LEAD_DEALSTAGE" : "HUBSPOT_DEALSTAGE";
  return {
    idProperty,
    id: conversionKey,
    objectWriteTraceId: conversionKey,
    properties: {
      [idProperty]: conversionKey,
      // The name is ours to write; what people noted on the deal stays.
      dealname: `${eventName} ${orderId ?? conversionKey}${change === null ? "" : ` (${change})`}`,
      ...(isLost ? { amount: "0.00" } : value === null ? {} : { amount: cents(sumMoney([value, chargedBack])) }),
      // Without it a deal counts in the account's own currency, whatever it was paid in.
      ...(currency === null ? {} : { deal_currency_code: currency }),
      pipeline: set["HUBSPOT_PIPELINE"] ?? "",
      dealstage: set[stageSetting] ?? "",
      // When an open deal will close is unknown.
      ...(isOpen ? {} : { closedate: conversion.eventTime.toISOString() }),
    },
  };
}

/** What has changed about a conversion since it happened, as shown on its deal; null when nothing has. */
function changeOf({ standing, value, chargedBack, currency }: Outgoing): string | null {
  const amount = (text: string) => [cents(text), currency].filter((word) => word !== null).join(" ");
  const back = subtractMoney("0", chargedBack);
  switch (standing) {
    case "withdrawn":
      return "no longer approved";
    case "charged_back":
      if (back !== "0") return `charged back ${amount(back)}`;
      return value?.startsWith("-") === true ? `charged back ${amount(value.slice(1))}` : "charged back";
    case "stands":
      return back === "0" ? null : `lowered by a chargeback of ${amount(back)}`;
    default:
      return assertNever(standing);
  }
}

const bearer = (account: Settings) => ({ authorization: `Bearer ${account["HUBSPOT_ACCESS_TOKEN"]}` });

function upsertRequest(account: Settings, set: Settings, inputs: readonly DealInput[]): PageRequest {
  return {
    method: "POST",
    path: `${set["HUBSPOT_OBJECTS_PATH"]}/deals/batch/upsert`,
    headers: bearer(account),
    body: { inputs },
  };
}

function propertyRequest(account: Settings, set: Settings): PageRequest {
  return { path: `${set["HUBSPOT_PROPERTIES_PATH"]}/deals/${set["HUBSPOT_ID_PROPERTY"]}`, headers: bearer(account) };
}
