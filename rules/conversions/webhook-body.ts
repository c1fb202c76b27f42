import { jsonProblem } from "../../core/json-text.ts";
import { parse } from "lossless-json";
import { identityOf, readAnytrackEvent, type ReadWith } from "./anytrack-event.ts";
import type { ClickEvent, ConversionEvent, ConversionIdentity } from "./shapes.ts";

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
export function readWebhookBody(body: string, read: ReadWith): WebhookBody {
  const problem = jsonProblem(body);
  if (problem !== null) return { kind: "problem", details: { body: problem } };
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
    const event = readAnytrackEvent(record, read);
    switch (event.kind) {
      case "problem":
        details[
          `${Array.isArray(json) ? `${index}` : ""}${Array.isArray(json) && event.field !== "" ? "." : ""}${event.field}` ||
            "body"
        ] = event.message;
        break;
      case "conversion": {
        found.conversions.push(event.conversion);
        const identity = identityOf(record);
        if (identity !== null) found.identities.push(identity);
        break;
      }
      case "click":
        found.clicks.push(event.click);
        break;
      case "visit":
        found.visits += 1;
        break;
    }
    if (Object.keys(details).length >= 20) break;
  }
  return Object.keys(details).length > 0 ? { kind: "problem", details } : found;
}
