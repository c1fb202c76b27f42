import { isLosslessNumber, parse } from "lossless-json";
import { sha256 } from "../../core/crypto.ts";
import { parseMoney } from "../../core/money.ts";

/** What one event says of a conversion, whoever brought it. Nothing in it is a person's. */
export interface ConversionEvent {
  conversionKey: string;
  orderId: string | null;
  vendorId: string | null;
  assetId: string | null;
  eventName: string | null;
  /** SALE, LEAD, SIGNUP or CUSTOM; a name we do not know is kept as it came. */
  type: string;
  clickId: string | null;
  /** Decimal text; null when the event named no amount. */
  revenue: string | null;
  currency: string | null;
  source: string | null;
  campaignId: string | null;
  adId: string | null;
  affiliateId: string | null;
  eventTime: Date;
  /** Of two events of one conversion, the later version holds. */
  version: Date;
  subIds: Record<string, string> | null;
  /** Names of fields we did not know; never their values. */
  unknownFields: string[] | null;
  touchpoints: Touchpoint[] | null;
}

export interface Touchpoint {
  type: string;
  at: Date;
  source: string | null;
  campaignId: string | null;
  adId: string | null;
  affiliateId: string | null;
  clickId: string | null;
}

export interface ClickEvent {
  clickId: string;
  at: Date;
  source: string | null;
  campaignId: string | null;
  adId: string | null;
  affiliateId: string | null;
}

export type ReadEvent =
  | { kind: "conversion"; conversion: ConversionEvent }
  | { kind: "click"; click: ClickEvent }
  /** A visit: neither a click nor a conversion. */
  | { kind: "visit" }
  | { kind: "problem"; field: string; message: string };

/** Fields about a person that a delivery may need: as they came, for `ops.delivery_identity` and nowhere else. */
export interface ConversionIdentity {
  conversionKey: string;
  orderId: string | null;
  eventTime: Date;
  fields: Record<string, string>;
}

/** What decides whether two events are about one conversion. */
export interface KeyParts {
  orderId: string | null;
  assetId: string | null;
  eventName: string | null;
  clickId: string | null;
  /** Tells visitors apart where there is no click; it goes into the hash and nowhere else. */
  visitorId?: string | null;
  eventTime: Date;
}

/**
 * The order's id where there is one; else asset, event, click and second, hashed. AnyTrack documents no event id. The
 * event counts by its kind, so that a webhook's "Purchase" and a pull's "sale" meet.
 */
export function conversionKey({ orderId, assetId, eventName, clickId, visitorId, eventTime }: KeyParts): string {
  if (orderId !== null) return `order:${orderId}`;
  const second = Math.floor(eventTime.getTime() / 1_000);
  const who = clickId ?? (visitorId === undefined || visitorId === null ? "" : `visitor ${visitorId}`);
  return `event:${sha256(JSON.stringify([assetId ?? "", typeOf(eventName), who, second]))}`;
}

const types: Record<string, string> = {
  purchase: "SALE",
  sale: "SALE",
  order: "SALE",
  lead: "LEAD",
  formsubmit: "LEAD",
  signup: "SIGNUP",
  completeregistration: "SIGNUP",
  registration: "SIGNUP",
  custom: "CUSTOM",
};
const clickNames = new Set(["click", "outboundclick"]);
const visitNames = new Set(["pageview", "engagedpageview", "viewcontent"]);

function typeOf(eventName: string | null): string {
  if (eventName === null) return "CUSTOM";
  return types[plainName(eventName)] ?? eventName;
}

/** Every spelling of a field is one field: AnyTrack ignores case, `_` and `-`. */
const plainName = (name: string) => name.toLowerCase().replaceAll(/[_\s-]/g, "");

/** The allow-list: what is stored, by the plain names it comes under, the first that is there counts. */
const known = {
  orderId: ["transactionid", "orderid"],
  vendorId: ["id", "conversionid"],
  assetId: ["assetid"],
  eventName: ["eventname", "conversiontype", "type"],
  clickId: ["clickid"],
  revenue: ["eventvalue", "revenue", "value"],
  currency: ["currency"],
  source: ["source", "trafficsource", "sourceid"],
  campaignId: ["campaignid", "campaign"],
  adId: ["adid", "ad"],
  affiliateId: ["affiliateid", "affiliate"],
  eventTime: ["eventtime", "timestamp"],
  eventSecond: ["eventtimestamp"],
  changedAt: ["updatedat"],
  subIds: ["subids"],
  touchpoints: ["touchpoints"],
} as const;

/** A person's: dropped here, and kept only by whoever asked for identities. */
const personal: Record<string, string> = {
  email: "email",
  emailaddress: "email",
  phone: "phone",
  phonenumber: "phone",
  firstname: "firstName",
  lastname: "lastName",
  ip: "ipAddress",
  ipaddress: "ipAddress",
  clientip: "ipAddress",
  useragent: "userAgent",
  externalclickid: "externalClickId",
  clientid: "clientId",
  externalclientids: "externalClientIds",
  externalid: "externalId",
  fbc: "fbc",
  fbp: "fbp",
};

const knownNames = new Set<string>([...Object.values(known).flat(), ...Object.keys(personal)]);
const subIdName = /^(?:sub|subid)(\d{1,2})$/;
const affiliateSubIds = ["affiliateid", "affiliate", "affid", "aff", "sub1", "subid1", "1"];
const longestText = 200;
const mostSubIds = 50;
const mostTouchpoints = 200;

/** One JSON event of the webhook or one row of the pull, numbers still with their digits. */
export function readAnytrackEvent(record: unknown): ReadEvent {
  if (typeof record !== "object" || record === null || Array.isArray(record) || isLosslessNumber(record)) {
    return { kind: "problem", field: "", message: "expected an object" };
  }
  const fields = new Map(Object.entries(record).map(([name, value]) => [plainName(name), value as unknown]));
  const get = (names: readonly string[]): unknown => names.map((name) => fields.get(name)).find(isThere);
  const words = (names: readonly string[]) => impersonal(textOf(get(names)));

  const eventName = words(known.eventName);
  const moment = readMoment(get(known.eventTime)) ?? readSecond(get(known.eventSecond));
  if (moment === null)
    return { kind: "problem", field: "eventTime", message: "must be a moment: ISO 8601, or eventTimestamp in seconds" };
  const subIds = readSubIds(fields);
  const path = {
    source: words(known.source),
    campaignId: words(known.campaignId),
    adId: words(known.adId),
    affiliateId: words(known.affiliateId) ?? affiliateOf(subIds),
  };
  const clickId = words(known.clickId);
  const name = plainName(eventName ?? "");
  if (clickNames.has(name))
    return clickId === null ? { kind: "visit" } : { kind: "click", click: { clickId, at: moment, ...path } };
  if (visitNames.has(name)) return { kind: "visit" };
  if (eventName === null) return { kind: "problem", field: "eventName", message: "is missing" };

  const amount = get(known.revenue);
  const revenue = amount === undefined ? null : parseMoney(textOf(amount) ?? "");
  if (amount !== undefined && revenue === null)
    return { kind: "problem", field: "eventValue", message: "must be an amount" };
  const given = textOf(get(known.orderId));
  // An order that is named by a person's address is still one order.
  const orderId = given === null ? null : isPersonal(given) ? sha256(given) : given;
  const assetId = words(known.assetId);
  // The second that the vendor itself names is the one both of its feeds agree on.
  const second = readSecond(get(known.eventSecond)) ?? moment;
  const key = conversionKey({
    orderId,
    assetId,
    eventName,
    clickId,
    visitorId: textOf(fields.get("clientid")),
    eventTime: second,
  });
  const unknownFields = Object.keys(record).filter(
    (field) => !knownNames.has(plainName(field)) && !subIdName.test(plainName(field)),
  );
  return {
    kind: "conversion",
    conversion: {
      conversionKey: key,
      orderId,
      vendorId: words(known.vendorId),
      assetId,
      eventName,
      type: typeOf(eventName),
      clickId,
      revenue,
      currency: words(known.currency)?.toUpperCase().slice(0, 10) ?? null,
      ...path,
      eventTime: moment,
      version: readMoment(get(known.changedAt)) ?? moment,
      subIds,
      unknownFields:
        unknownFields.length === 0
          ? null
          : unknownFields
              .map((field) => storable(field).slice(0, 60))
              .sort()
              .slice(0, 50),
      touchpoints: readTouchpoints(get(known.touchpoints), moment),
    },
  };
}

/** The fields of an event that are a person's, as they came; null when it has none. */
export function identityOf(record: unknown): ConversionIdentity | null {
  const read = readAnytrackEvent(record);
  if (read.kind !== "conversion") return null;
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(record as Record<string, unknown>)) {
    const field = personal[plainName(name)];
    const text =
      typeof value === "object" && value !== null && !isLosslessNumber(value)
        ? JSON.stringify(value)
        : textOf(value, 2_000);
    if (field !== undefined && text !== null) fields[field] = text;
  }
  const { conversionKey: key, orderId, eventTime } = read.conversion;
  return Object.keys(fields).length === 0 ? null : { conversionKey: key, orderId, eventTime, fields };
}

export type WebhookBody =
  | {
      kind: "events";
      conversions: ConversionEvent[];
      clicks: ClickEvent[];
      visits: number;
      identities: ConversionIdentity[];
    }
  | { kind: "problem"; details: Record<string, string> };

const mostEvents = 1_000;

/** A webhook's body: one event, or a list of them. One that cannot be read refuses the whole, by its place and field. */
export function readWebhookBody(body: string): WebhookBody {
  let json: unknown;
  try {
    json = parse(body);
  } catch {
    return { kind: "problem", details: { body: "must be JSON" } };
  }
  const records = Array.isArray(json) ? json : [json];
  if (records.length === 0 || records.length > mostEvents)
    return { kind: "problem", details: { body: `must hold 1 to ${mostEvents} events` } };
  const found = {
    kind: "events" as const,
    conversions: [] as ConversionEvent[],
    clicks: [] as ClickEvent[],
    visits: 0,
    identities: [] as ConversionIdentity[],
  };
  const details: Record<string, string> = {};
  for (const [index, record] of records.entries()) {
    const read = readAnytrackEvent(record);
    switch (read.kind) {
      case "problem":
        details[
          `${Array.isArray(json) ? `${index}` : ""}${Array.isArray(json) && read.field !== "" ? "." : ""}${read.field}` ||
            "body"
        ] = read.message;
        break;
      case "conversion": {
        found.conversions.push(read.conversion);
        const identity = identityOf(record);
        if (identity !== null) found.identities.push(identity);
        break;
      }
      case "click":
        found.clicks.push(read.click);
        break;
      case "visit":
        found.visits += 1;
        break;
    }
    if (Object.keys(details).length >= 20) break;
  }
  return Object.keys(details).length > 0 ? { kind: "problem", details } : found;
}

/** The same saying has the same hash, however often and in whatever order its fields come. */
export function eventHash({ unknownFields: _names, ...said }: ConversionEvent): string {
  const sorted =
    said.subIds === null ? null : Object.entries(said.subIds).sort(([one], [other]) => (one < other ? -1 : 1));
  return sha256(JSON.stringify({ ...said, subIds: sorted }));
}

function readSubIds(fields: Map<string, unknown>): Record<string, string> | null {
  const given = fields.get("subids");
  const nested: [string, unknown][] =
    typeof given === "object" && given !== null && !Array.isArray(given) && !isLosslessNumber(given)
      ? Object.entries(given)
      : [];
  const flat: [string, unknown][] = [...fields].flatMap(([name, value]) =>
    subIdName.test(name) ? [[name.replace("subid", "sub"), value] as [string, unknown]] : [],
  );
  const found = [...flat, ...nested]
    .map(([name, value]): [string, string | null] => [storable(name).slice(0, 60), impersonal(textOf(value))])
    .filter(
      (pair): pair is [string, string] =>
        pair[1] !== null && pair[0] !== "__proto__" && !(plainName(pair[0]) in personal),
    );
  return found.length === 0 ? null : Object.fromEntries(found.slice(0, mostSubIds));
}

function affiliateOf(subIds: Record<string, string> | null): string | null {
  const byName = new Map(Object.entries(subIds ?? {}).map(([name, value]) => [plainName(name), value]));
  return affiliateSubIds.map((name) => byName.get(name)).find((value) => value !== undefined) ?? null;
}

/** In the order of time. What came after the conversion did not lead to it. */
function readTouchpoints(value: unknown, conversionAt: Date): Touchpoint[] | null {
  if (!Array.isArray(value)) return null;
  const steps = value.flatMap((step: unknown): Touchpoint[] => {
    if (typeof step !== "object" || step === null) return [];
    const fields = new Map(Object.entries(step).map(([name, field]) => [plainName(name), field as unknown]));
    const words = (names: readonly string[]) => impersonal(textOf(names.map((name) => fields.get(name)).find(isThere)));
    const at = readMoment(fields.get("timestamp") ?? fields.get("eventtime") ?? fields.get("at"));
    if (at === null || at > conversionAt) return [];
    return [
      {
        type: words(["type", "eventname"])?.toLowerCase() ?? "click",
        at,
        source: words(known.source),
        campaignId: words(known.campaignId),
        adId: words(known.adId),
        affiliateId: words(known.affiliateId),
        clickId: words(known.clickId),
      },
    ];
  });
  const sorted = steps.sort((one, other) => one.at.getTime() - other.at.getTime());
  return sorted.length === 0 ? null : sorted.slice(-mostTouchpoints);
}

/** A moment without a zone is UTC, as the vendor's own client writes it. */
function readMoment(value: unknown): Date | null {
  const text = textOf(value);
  if (text === null) return null;
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/i.exec(text);
  if (match === null) return null;
  const [, day = "", time = "", fraction = "", zone = "Z"] = match;
  return sane(
    new Date(
      `${day}T${time.length === 5 ? `${time}:00` : time}.${fraction.padEnd(3, "0").slice(0, 3)}${zone.toUpperCase()}`,
    ),
  );
}

function readSecond(value: unknown): Date | null {
  const text = textOf(value);
  return text === null || !/^\d{9,11}$/.test(text) ? null : sane(new Date(Number(text) * 1_000));
}

function sane(moment: Date): Date | null {
  const year = moment.getUTCFullYear();
  return year >= 2000 && year <= 2200 ? moment : null;
}

const isThere = (value: unknown) => value !== undefined && value !== null && value !== "";

function textOf(value: unknown, longest = longestText): string | null {
  if (typeof value !== "string" && !isLosslessNumber(value) && typeof value !== "boolean" && typeof value !== "number")
    return null;
  const text = storable(String(value)).trim().slice(0, longest);
  return text === "" ? null : text;
}

/** Postgres holds neither NUL nor half a surrogate pair. */
function storable(text: string): string {
  return text.replaceAll("\0", "").replaceAll(/[\uD800-\uDFFF]/gu, "\uFFFD");
}

const impersonal = (text: string | null) => (text === null || isPersonal(text) ? null : text);

/** An e-mail address or an IP address that got into a field meant for something else. */
export function isPersonal(text: string): boolean {
  return (
    /[^\s@]@[^\s@]+\.[^\s@]/.test(text) ||
    /%40[^\s@]+\.[a-z]/i.test(text) ||
    /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])/.test(text) ||
    /^[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7}$/i.test(text)
  );
}
