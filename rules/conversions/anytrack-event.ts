import { isLosslessNumber } from "lossless-json";
import { hmacSha256, sha256 } from "../../core/crypto.ts";
import { isCurrency } from "../../core/currency.ts";
import { isPast, readEpochSecond, readMoment } from "../../core/moments.ts";
import { parseMoney } from "../../core/money.ts";
import { maskContacts } from "../../core/personal.ts";
import { conversionKey, typeOf } from "./conversion-key.ts";
import { idProblem, impersonal, isPersonal, isThere, plainName, storable, textOf } from "./event-fields.ts";
import type { ConversionEvent, ConversionIdentity, ReadEvent, Touchpoint } from "./shapes.ts";

const clickNames = new Set(["click", "outboundclick"]);
const visitNames = new Set(["pageview", "engagedpageview", "viewcontent"]);

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
  clickTime: ["clicktime", "clickedat", "clickdate"],
  clickSecond: ["clicktimestamp"],
  subIds: ["subids"],
  touchpoints: ["touchpoints"],
} as const;

/** A person's: dropped here, and kept only by whoever asked for identities. */
const personal = new Map(
  Object.entries({
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
  }),
);

const knownNames = new Set<string>([...Object.values(known).flat(), ...personal.keys()]);
const subIdName = /^(?:sub|subid)(\d{1,2})$/;
const affiliateSubIds = ["affiliateid", "affiliate", "affid", "aff", "sub1", "subid1", "1"];
const mostSubIds = 50;
const mostTouchpoints = 200;

/** What must stay apart when it differs, as the key of a conversion or click is made of it. */
const idFields = ["orderId", "vendorId", "assetId", "eventName", "clickId"] as const;

type Fields = Map<string, unknown>;
const valueOf = (fields: Fields, names: readonly string[]): unknown =>
  names.map((name) => fields.get(name)).find(isThere);
const wordsOf = (fields: Fields, names: readonly string[]) => impersonal(textOf(valueOf(fields, names)));
const problem = (field: string, message: string): ReadEvent => ({ kind: "problem", field, message });

export interface ReadWith {
  /** Left out where the reader knows by itself which days to expect. */
  now?: Date;
  /** Hashes a visitor's id; without it visitors are not distinguished. */
  visitorKey?: string | undefined;
}

/** One JSON event of the webhook or one row of the pull, numbers still with their digits. */
export function readAnytrackEvent(record: unknown, { now, visitorKey }: ReadWith = {}): ReadEvent {
  if (typeof record !== "object" || record === null || Array.isArray(record) || isLosslessNumber(record))
    return problem("", "expected an object");
  const fields: Fields = new Map(Object.entries(record).map(([name, value]) => [plainName(name), value as unknown]));
  for (const field of idFields) {
    const wrong = idProblem(valueOf(fields, known[field]));
    if (wrong !== null) return problem(field, wrong);
  }
  const eventName = wordsOf(fields, known.eventName);
  // A moment that is said and is none is not replaced by another one: which of the two is wrong, nobody knows.
  const said = valueOf(fields, known.eventTime);
  const moment = said === undefined ? secondOf(valueOf(fields, known.eventSecond)) : (momentOf(said) ?? secondOf(said));
  if (moment === null) return problem("eventTime", "must be a moment: ISO 8601, or eventTimestamp in seconds");
  const changed = valueOf(fields, known.changedAt);
  const changedAt = changed === undefined ? null : (momentOf(changed) ?? secondOf(changed));
  if (changed !== undefined && changedAt === null) return problem("updatedAt", "must be a moment: ISO 8601");
  if (now !== undefined && !isPast(moment, now)) return problem("eventTime", "must not be in the future");
  // It would overwrite every change until then.
  if (now !== undefined && changedAt !== null && !isPast(changedAt, now))
    return problem("updatedAt", "must not be in the future");
  const clickId = wordsOf(fields, known.clickId);
  const visitor = visitorOf(fields, visitorKey);
  const name = plainName(eventName ?? "");
  if (clickNames.has(name)) {
    if (clickId === null) return { kind: "visit" };
    return { kind: "click", click: { clickId, at: moment, visitor, ...pathOf(fields, readSubIds(fields)) } };
  }
  if (visitNames.has(name)) return { kind: "visit" };
  if (eventName === null) return problem("eventName", "is missing");
  return readConversion(record, fields, { eventName, clickId, visitor, moment, version: versionOf(changedAt, moment) });
}

/** A conversion does not change after a year: a change dated later would overwrite all that follow. */
function versionOf(changedAt: Date | null, moment: Date): Date {
  return changedAt === null || changedAt.getTime() - moment.getTime() > 366 * 86_400_000 ? moment : changedAt;
}

function readConversion(
  record: object,
  fields: Fields,
  read: { eventName: string; clickId: string | null; visitor: string | null; moment: Date; version: Date },
): ReadEvent {
  const { eventName, clickId, visitor, moment, version } = read;
  const amount = valueOf(fields, known.revenue);
  const revenue = amount === undefined ? null : parseMoney(textOf(amount) ?? "");
  if (amount !== undefined && revenue === null) return problem("eventValue", "must be an amount");
  if (revenue === "0" && /^[^eE]*[1-9]/.test(textOf(amount) ?? ""))
    return problem("eventValue", "is less than a millionth, the least that is stored");
  const money = valueOf(fields, known.currency);
  const currency = typeof money === "string" ? money.trim().toUpperCase() : null;
  if (money !== undefined && (currency === null || !isCurrency(currency)))
    return problem("currency", "must be a currency of ISO 4217, such as USD");
  const given = textOf(valueOf(fields, known.orderId));
  // An order that is named by a person's address is still one order.
  const orderId = given === null ? null : isPersonal(given) ? sha256(given) : given;
  const assetId = wordsOf(fields, known.assetId);
  const subIds = readSubIds(fields);
  return {
    kind: "conversion",
    conversion: {
      conversionKey: conversionKey({
        orderId,
        assetId,
        eventName,
        clickId,
        visitorId: textOf(fields.get("clientid")),
        // The second that the vendor itself names is the one both of its feeds agree on.
        eventTime: secondOf(valueOf(fields, known.eventSecond)) ?? moment,
      }),
      orderId,
      vendorId: wordsOf(fields, known.vendorId),
      assetId,
      eventName,
      type: typeOf(eventName),
      clickId,
      revenue,
      currency,
      ...pathOf(fields, subIds),
      eventTime: moment,
      version,
      subIds,
      unknownFields: unknownNames(record),
      touchpoints: readTouchpoints(valueOf(fields, known.touchpoints), moment),
      clickTime: momentOf(valueOf(fields, known.clickTime)) ?? secondOf(valueOf(fields, known.clickSecond)),
      visitor,
    },
  };
}

/** AnyTrack's own id of a visitor, keyed: what it was cannot be found by trying. */
function visitorOf(fields: Fields, key: string | undefined): string | null {
  const id = textOf(fields.get("clientid"));
  return id === null || key === undefined ? null : hmacSha256(key, `visitor ${id}`).slice(0, 32);
}

function pathOf(fields: Fields, subIds: Record<string, string> | null) {
  return {
    source: wordsOf(fields, known.source),
    campaignId: wordsOf(fields, known.campaignId),
    adId: wordsOf(fields, known.adId),
    affiliateId: wordsOf(fields, known.affiliateId) ?? affiliateOf(subIds),
  };
}

const plainWord = /^[a-z][a-z0-9_-]{0,59}$/i;

function unknownNames(record: object): string[] | null {
  const names = Object.keys(record).filter(
    (field) => !knownNames.has(plainName(field)) && !subIdName.test(plainName(field)),
  );
  return names.length === 0 ? null : keptNames(names);
}

/** Names of fields that nobody knows, as they are kept: one that is no plain word may be a value in the wrong place. */
export function keptNames(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => (plainWord.test(name) ? name : "(unreadable)")))].sort().slice(0, 50);
}

const momentOf = (value: unknown) => readMoment(textOf(value) ?? "");
const secondOf = (value: unknown) => readEpochSecond(textOf(value) ?? "");

/** The fields of an event that are a person's, as they came; null when it has none. */
export function identityOf(record: unknown): ConversionIdentity | null {
  const read = readAnytrackEvent(record);
  if (read.kind !== "conversion") return null;
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(record as Record<string, unknown>)) {
    const field = personal.get(plainName(name));
    const text =
      typeof value === "object" && value !== null && !isLosslessNumber(value)
        ? JSON.stringify(value)
        : textOf(value, 2_000);
    if (field !== undefined && text !== null) fields[field] = text;
  }
  const { conversionKey: key, orderId, eventTime } = read.conversion;
  return Object.keys(fields).length === 0 ? null : { conversionKey: key, orderId, eventTime, fields };
}

/** The same saying has the same hash, however often and in whatever order its fields come. */
export function eventHash({ unknownFields: _names, ...said }: ConversionEvent): string {
  const sorted =
    said.subIds === null ? null : Object.entries(said.subIds).sort(([one], [other]) => (one < other ? -1 : 1));
  return sha256(JSON.stringify({ ...said, subIds: sorted }));
}

function readSubIds(fields: Fields): Record<string, string> | null {
  const given = fields.get("subids");
  const nested: [string, unknown][] =
    typeof given === "object" && given !== null && !Array.isArray(given) && !isLosslessNumber(given)
      ? Object.entries(given)
      : [];
  const flat: [string, unknown][] = [...fields].flatMap(([name, value]) =>
    subIdName.test(name) ? [[name.replace("subid", "sub"), value] as [string, unknown]] : [],
  );
  return keptSubIds([...flat, ...nested]);
}

/** Sub ids as they are kept: none that is a person's, by its name or by its value. */
export function keptSubIds(given: readonly (readonly [name: string, value: unknown])[]): Record<string, string> | null {
  const found = given
    .map(([name, value]): [string, string | null] => [storable(name).slice(0, 60), impersonal(textOf(value))])
    .filter(
      (pair): pair is [string, string] =>
        pair[1] !== null &&
        pair[0] !== "__proto__" &&
        !personal.has(plainName(pair[0])) &&
        maskContacts(pair[0]) === pair[0],
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
    const words = (names: readonly string[]) => wordsOf(fields, names);
    const at = momentOf(fields.get("timestamp") ?? fields.get("eventtime") ?? fields.get("at"));
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
