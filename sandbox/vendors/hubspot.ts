import { dayNumber } from "../civil-day.ts";
import { presentMs } from "../clock.ts";
import {
  isJsonObject,
  json,
  type JsonObject,
  type JsonValue,
  type Surroundings,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
} from "../vendor.ts";

const MOST_INPUTS = 100;
const ID_PROPERTY = "conversion_key";
const STAGES = new Set([
  "appointmentscheduled",
  "qualifiedtobuy",
  "presentationscheduled",
  "decisionmakerboughtin",
  "contractsent",
  "closedwon",
  "closedlost",
]);
const CURRENCIES = new Set(Intl.supportedValuesOf("currency"));
/** Deal properties of an account; a value has to pass, null and "" clear it. */
const PROPERTIES: Readonly<Record<string, (value: string) => boolean>> = {
  [ID_PROPERTY]: (value) => value.trim() !== "",
  dealname: (value) => value.length <= 65_536,
  amount: (value) => /^-?\d+(\.\d+)?$/.test(value),
  deal_currency_code: (value) => CURRENCIES.has(value),
  pipeline: (value) => value === "default",
  dealstage: (value) => STAGES.has(value),
  closedate: (value) =>
    /^\d{13}$/.test(value) ||
    (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(value) && !Number.isNaN(Date.parse(value))),
};

interface Deal {
  id: string;
  properties: Record<string, string | null>;
  createdAt: string;
  updatedAt: string;
  /** How often it was written, the first time included. */
  writes: number;
}

/** HubSpot's deals as of vendors.md, section 5: one deal per value of the unique property, 207 when some inputs are refused. */
// eslint-disable-next-line max-lines-per-function -- one mock vendor: short functions over the state of one server
export function createHubspot({ clock }: Surroundings): Vendor {
  // By client, then by the unique property.
  const accounts = new Map<string, Map<string, Deal>>();
  let lastId = 31_337_000_000;

  function upsert(client: string, body: JsonValue): VendorAnswer {
    const inputs = isJsonObject(body) ? body["inputs"] : undefined;
    if (!Array.isArray(inputs) || inputs.length === 0)
      return refuse(400, "VALIDATION_ERROR", "Invalid input JSON: inputs is required");
    if (inputs.length > MOST_INPUTS)
      return refuse(400, "VALIDATION_ERROR", `The maximum number of inputs supported is ${MOST_INPUTS}`);
    const malformed = inputs.map(shapeProblem).find((problem) => problem !== null);
    if (malformed !== undefined) return refuse(400, "VALIDATION_ERROR", malformed ?? "");
    // `shapeProblem` has looked at each of them.
    const asked = inputs as {
      idProperty: string;
      id: string;
      objectWriteTraceId?: string;
      properties: Record<string, string>;
    }[];
    const ids = asked.map(({ id }) => id);
    const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
    if (twice.length > 0)
      return refuse(
        400,
        "VALIDATION_ERROR",
        `Duplicate IDs found in batch input: [${twice.join(", ")}]. IDs must be unique`,
      );

    const traces = asked.map(({ objectWriteTraceId }) => objectWriteTraceId);
    const traced = traces.every((one) => one !== undefined) && new Set(traces).size === traces.length;
    const problems = asked.map((input) => valueProblem(input));
    const firstProblem = problems.find((problem) => problem !== null);
    // Without a trace id for each, one bad input fails them all.
    if (firstProblem !== undefined && !traced) return refuse(400, "VALIDATION_ERROR", firstProblem ?? "");
    const startedAt = new Date(presentMs(clock.settings())).toISOString();
    const results = asked
      .filter((_, index) => problems[index] === null)
      .map((input) => write(client, input, startedAt));
    const errors = asked.flatMap(({ objectWriteTraceId = "" }, index): JsonObject[] => {
      const problem = problems[index] ?? null;
      return problem === null
        ? []
        : [
            {
              status: "error",
              category: "VALIDATION_ERROR",
              message: problem,
              context: { objectWriteTraceId: [objectWriteTraceId] },
            },
          ];
    });
    // In no order a caller could rely on.
    const answer = { status: "COMPLETE", results: results.toReversed(), startedAt, completedAt: startedAt };
    return errors.length === 0 ? json(200, answer) : json(207, { ...answer, numErrors: errors.length, errors });
  }

  function write(
    client: string,
    { id, properties }: { id: string; properties: Record<string, string> },
    now: string,
  ): JsonObject {
    const deals = accounts.get(client) ?? new Map<string, Deal>();
    accounts.set(client, deals);
    const known = deals.get(id);
    const deal: Deal = known ?? {
      id: String((lastId += 1)),
      properties: {},
      createdAt: now,
      updatedAt: now,
      writes: 0,
    };
    deals.set(id, deal);
    Object.assign(deal.properties, properties, { [ID_PROPERTY]: id });
    deal.updatedAt = now;
    deal.writes += 1;
    return {
      id: deal.id,
      properties: { ...deal.properties, hs_object_id: deal.id, description: null },
      createdAt: deal.createdAt,
      updatedAt: now,
      archived: false,
      new: known === undefined,
    };
  }

  function handle(request: VendorRequest): VendorAnswer {
    if (request.client === null) return unauthorized();
    const { pathname } = request.url;
    const property = /^\/crm\/(?:v3\/properties|properties\/\d{4}-\d\d)\/deals\/([^/]+)$/.exec(pathname)?.[1];
    if (request.method === "GET" && property !== undefined) {
      if (!(property in PROPERTIES))
        return refuse(404, "OBJECT_NOT_FOUND", `property "${property}" of deals does not exist`);
      return json(200, {
        name: property,
        label: property,
        type: "string",
        fieldType: "text",
        hasUniqueValue: property === ID_PROPERTY,
        archived: false,
      });
    }
    if (request.method === "POST" && /^\/crm\/(v3\/objects|objects\/\d{4}-\d\d)\/deals\/batch\/upsert$/.test(pathname))
      return upsert(request.client, parsed(request.body));
    return refuse(404, "OBJECT_NOT_FOUND", "resource not found");
  }

  return {
    name: "hubspot",
    secretParams: ["hapikey"],
    keyOf: ({ headers }) => /^Bearer (.+)$/.exec(headers["authorization"] ?? "")?.[1] ?? null,
    place: () => ({ from: null, to: null, page: 1 }),
    repage: (request) => request,
    handle,
    limits: {
      documented: { perMinute: null, perSecond: null, perTenSeconds: 100, countTwice: false },
      counts: () => true,
      headers: ({ limits }): Record<string, string> =>
        (limits.perTenSeconds ?? null) === null
          ? {}
          : {
              "X-HubSpot-RateLimit-Max": String(limits.perTenSeconds),
              "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            },
    },
    refusals: {
      unauthorized,
      // Retry-After is not promised, and not sent.
      rateLimited: (_retryAfter, policy = "TEN_SECONDLY_ROLLING") =>
        json(429, {
          status: "error",
          message: `You have reached your ${policy.toLowerCase()} limit.`,
          errorType: "RATE_LIMIT",
          policyName: policy,
          correlationId: correlation(),
        }),
      error: (status, text) =>
        refuse(status, status === 423 ? "LOCKED" : status >= 500 ? "INTERNAL_ERROR" : "VALIDATION_ERROR", text),
    },
    rowsOf: (body) => (isJsonObject(body) && Array.isArray(body["results"]) ? body["results"] : []),
    totalOf: () => null,
    dump: ({ client, from, to }) =>
      [...(accounts.get(client)?.values() ?? [])]
        .filter(({ properties, createdAt }) => {
          const closed = properties["closedate"] ?? createdAt;
          const day = dayNumber(new Date(/^\d{13}$/.test(closed) ? Number(closed) : closed).toISOString().slice(0, 10));
          return day >= dayNumber(from) && day <= dayNumber(to);
        })
        .map(({ id, properties, writes }) => ({ id, properties, writes })),
  };
}

/** What refuses the whole batch. */
function shapeProblem(input: JsonValue): string | null {
  if (!isJsonObject(input)) return "Invalid input JSON";
  const { idProperty, id, properties } = input;
  if (typeof id !== "string" || id === "") return "id is required in every input";
  if (typeof idProperty !== "string") return "idProperty is required in every input";
  if (idProperty !== ID_PROPERTY) return `Property ${idProperty} is not a unique property of deals`;
  if (!isJsonObject(properties)) return "properties is required in every input";
  return Object.values(properties).every((value) => typeof value === "string")
    ? null
    : "Invalid input JSON: property values must be strings";
}

/** What refuses one input. */
function valueProblem({ id, properties }: { id: string; properties: Record<string, string> }): string | null {
  for (const [name, value] of Object.entries(properties)) {
    const accepts = PROPERTIES[name];
    if (accepts === undefined) return `Property "${name}" does not exist`;
    if (value !== "" && !accepts(value))
      return `Property values were not valid: "${value}" was not a valid value of ${name}`;
  }
  if (properties[ID_PROPERTY] !== undefined && properties[ID_PROPERTY] !== id) return `${ID_PROPERTY} differs from id`;
  return properties["dealstage"] === undefined || properties["dealname"] === undefined
    ? "dealname and dealstage are required"
    : null;
}

function unauthorized(): VendorAnswer {
  return refuse(401, "INVALID_AUTHENTICATION", "Authentication credentials not found or invalid");
}

function refuse(status: number, category: string, message: string): VendorAnswer {
  return json(status, { status: "error", message, correlationId: correlation(), category });
}

let correlations = 0;
const correlation = () => `00000000-0000-4000-8000-${(correlations += 1).toString(16).padStart(12, "0")}`;

function parsed(body: string): JsonValue {
  try {
    return JSON.parse(body) as JsonValue;
  } catch {
    return null;
  }
}
