import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, type KeyObject } from "node:crypto";
import { request as httpRequest } from "node:http";
import { z } from "zod";
import { presentMs } from "../clock.ts";
import {
  isJsonObject,
  json,
  type JsonObject,
  type JsonValue,
  type DiscordApplication,
  type Surroundings,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
} from "../vendor.ts";

const TOKEN_MS = 15 * 60_000;
const MOST_CHARACTERS = 2_000;
/** DER says "an Ed25519 private key" in these bytes; the 32 that follow are the key. */
const ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");

function ownApplication(): DiscordApplication {
  const seed = createHash("sha256").update("the sandbox's Discord application").digest();
  const privateKey = createPrivateKey({ key: Buffer.concat([ED25519, seed]), format: "der", type: "pkcs8" });
  return { applicationId: "1400000000000000001", privateKey };
}

const option = z.union([z.string(), z.number(), z.boolean()]);
const order = z.strictObject({
  /** Where interactions are received, `.../hooks/discord`. */
  url: z.url({ protocol: /^http$/ }),
  command: z.string().default("submit"),
  options: z.record(z.string(), option).default({}),
  user: z.string().regex(/^\d+$/).default("900719925474099301"),
  /** In a direct message there is a user in place of a member. */
  isDirect: z.boolean().default(false),
  ping: z.boolean().default(false),
  /** The same id and token again, as Discord never does and an attacker may. */
  interactionId: z.string().regex(/^\d+$/).optional(),
  /** What is wrong with it; Discord itself sends wrong signatures to see whether they are refused. */
  forge: z.enum(["signature", "body", "timestamp", "missing", "old"]).optional(),
});
const tokenBody = z.strictObject({
  applicationId: z.string().regex(/^\d+$/).optional(),
  token: z.string().min(1),
  issuedAt: z.iso.datetime({ offset: true }).optional(),
});

interface Interaction {
  id: string;
  token: string;
  /** Null until the hook has answered. */
  status: number | null;
  answer: JsonValue;
}

interface Message {
  applicationId: string;
  token: string;
  issuedAtMs: number;
  content: string | null;
  edits: number;
}

/** Discord as of vendors.md, section 8: it signs and sends interactions, and takes the follow-up for fifteen minutes. */
// eslint-disable-next-line max-lines-per-function -- one mock vendor: short functions over the state of one server
export function createDiscord({ clock, discord: application = ownApplication() }: Surroundings): Vendor {
  const { applicationId: ownId } = application;
  const messages = new Map<string, Message>();
  const interactions: Interaction[] = [];
  const commands = new Map<string, JsonValue>();
  const nowMs = () => presentMs(clock.settings());
  let lastId = 1_400_000_000_000_000_100n;

  function edit(request: VendorRequest, applicationId: string, token: string): VendorAnswer {
    const message = messages.get(token);
    if (message === undefined || message.applicationId !== applicationId) return refuse(404, 10_015, "Unknown Webhook");
    if (nowMs() - message.issuedAtMs > TOKEN_MS) return refuse(401, 50_027, "Invalid Webhook Token");
    const body = parsed(request.body);
    const problem = bodyProblem(body);
    if (problem !== null || !isJsonObject(body))
      return json(400, {
        message: "Invalid Form Body",
        code: 50_035,
        errors: { content: { _errors: [{ message: problem }] } },
      });
    message.content = String(body["content"]);
    message.edits += 1;
    return json(200, { id: "1", type: 0, content: message.content, application_id: applicationId, flags: 64 });
  }

  function start(body: unknown): { id: string; token: string } {
    const wanted = order.parse(body);
    const id = wanted.interactionId ?? String((lastId += 1n));
    const token = randomBytes(48).toString("base64url");
    messages.set(token, { applicationId: ownId, token, issuedAtMs: nowMs(), content: null, edits: 0 });
    const interaction: Interaction = { id, token, status: null, answer: null };
    interactions.push(interaction);
    void post(wanted, interactionBody(wanted, ownId, { id, token }), {
      interaction,
      privateKey: application.privateKey,
    });
    return { id, token };
  }

  return {
    name: "discord",
    secretParams: [],
    keyOf: ({ headers }) => /^Bot (.+)$/.exec(headers["authorization"] ?? "")?.[1] ?? null,
    place: () => ({ from: null, to: null, page: 1 }),
    repage: (request) => request,
    printedPath: (path) => path.replace(/(\/webhooks\/[^/]+\/)[^/]+/, "$1{token}"),
    handle: (request) => {
      const path = request.url.pathname.replace(/^\/api\/v\d+/, "");
      const [, application = "", token = ""] = /^\/webhooks\/(\d+)\/([^/]+)\/messages\/@original$/.exec(path) ?? [];
      if (token !== "" && request.method === "PATCH") return edit(request, application, decodeURIComponent(token));
      const registered = /^\/applications\/(\d+)\/commands$/.exec(path)?.[1];
      if (registered !== undefined && request.method === "PUT") {
        if (request.client === null) return refuse(401, 0, "401: Unauthorized");
        const body = parsed(request.body);
        if (!Array.isArray(body)) return refuse(400, 50_035, "Invalid Form Body");
        commands.set(registered, body);
        return json(200, body);
      }
      return refuse(404, 0, "404: Not Found");
    },
    limits: {
      documented: { perMinute: null, perSecond: 50, countTwice: false },
      counts: () => true,
      headers: () => ({}),
    },
    refusals: {
      unauthorized: () => refuse(401, 0, "401: Unauthorized"),
      rateLimited: (retryAfter) =>
        json(
          429,
          { message: "You are being rate limited.", retry_after: Number(retryAfter ?? 1), global: false },
          retryAfter === null ? {} : { "Retry-After": retryAfter },
        ),
      error: (status, message) => refuse(status, 0, message),
    },
    rowsOf: () => [],
    totalOf: () => null,
    dump: () => [...messages.values()].map((message) => ({ ...message })),
    control: {
      "GET /application": () => ({
        applicationId: ownId,
        publicKey: createPublicKey(application.privateKey)
          .export({ format: "der", type: "spki" })
          .subarray(-32)
          .toString("hex"),
        commands: [...commands],
      }),
      "GET /messages": () => [...messages.values()],
      "GET /interactions": () => interactions,
      /** Sends a signed interaction; how it was answered is listed once it was. */
      "POST /interactions": start,
      /** Of an interaction of another person. */
      "POST /tokens": (body) => {
        const { applicationId = ownId, token, issuedAt } = tokenBody.parse(body);
        const issuedAtMs = issuedAt === undefined ? nowMs() : Date.parse(issuedAt);
        messages.set(token, { applicationId, token, issuedAtMs, content: null, edits: 0 });
        return { applicationId, token };
      },
      "DELETE /messages": () => {
        messages.clear();
        interactions.length = 0;
        return {};
      },
    },
  };
}

function bodyProblem(body: JsonValue): string | null {
  if (!isJsonObject(body)) return "The request body contains invalid JSON.";
  const unknown = Object.keys(body).find((name) => !["content", "allowed_mentions", "embeds", "flags"].includes(name));
  if (unknown !== undefined) return `Unknown field ${unknown}`;
  const { content, allowed_mentions: mentions } = body;
  if (typeof content !== "string" || content === "") return "This field is required";
  if ([...content].length > MOST_CHARACTERS) return `Must be ${MOST_CHARACTERS} or fewer in length.`;
  // Discord itself would accept it, and notify every person that a submitted text names.
  const rings = !isJsonObject(mentions) || !Array.isArray(mentions["parse"]) || mentions["parse"].length > 0;
  return rings ? 'allowed_mentions must be {"parse":[]}: the content may hold what affiliates wrote' : null;
}

function interactionBody(
  { command, options, user, isDirect, ping }: z.output<typeof order>,
  applicationId: string,
  { id, token }: { id: string; token: string },
): JsonObject {
  const common = { id, application_id: applicationId, token, version: 1 };
  if (ping) return { ...common, type: 1 };
  const person = { id: user, username: "an_affiliate", global_name: "An Affiliate" };
  const typeOf = (value: z.output<typeof option>) =>
    typeof value === "string" ? 3 : typeof value === "boolean" ? 5 : Number.isInteger(value) ? 4 : 10;
  return {
    ...common,
    type: 2,
    channel_id: "1400000000000000003",
    ...(isDirect ? { user: person } : { guild_id: "1400000000000000002", member: { user: person, roles: [] } }),
    data: {
      id: "1400000000000000004",
      name: command,
      type: 1,
      options: Object.entries(options).map(([name, value]) => ({ name, type: typeOf(value), value })),
    },
  };
}

async function post(
  { url, forge }: z.output<typeof order>,
  body: JsonObject,
  { interaction, privateKey }: { interaction: Interaction; privateKey: KeyObject },
): Promise<void> {
  const text = JSON.stringify(body);
  const seconds = Math.floor(Date.now() / 1_000) - (forge === "old" ? 3_600 : 0);
  const signed = sign(null, Buffer.from(`${seconds}${text}`), privateKey);
  if (forge === "signature") signed[0] = (signed[0] ?? 0) ^ 1;
  const headers = {
    "content-type": "application/json",
    ...(forge === "missing"
      ? {}
      : {
          "x-signature-ed25519": signed.toString("hex"),
          "x-signature-timestamp": String(forge === "timestamp" ? seconds + 1 : seconds),
        }),
  };
  const sent = forge === "body" ? text.replace('"version":1', '"version":2') : text;
  await new Promise<void>((resolve) => {
    const outgoing = httpRequest(url, { method: "POST", headers, timeout: 5_000 }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        interaction.answer = parsed(Buffer.concat(chunks).toString("utf8"));
        interaction.status = incoming.statusCode ?? 0;
        resolve();
      });
      incoming.on("error", () => outgoing.destroy());
    });
    outgoing.on("timeout", () => outgoing.destroy());
    // The app did not answer in time: Discord shows "did not respond".
    outgoing.on("error", () => {
      interaction.status = 0;
      resolve();
    });
    outgoing.end(sent);
  });
}

const refuse = (status: number, code: number, message: string): VendorAnswer => json(status, { message, code });

function parsed(body: string): JsonValue {
  try {
    return JSON.parse(body) as JsonValue;
  } catch {
    return null;
  }
}
