import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import cookie from "@fastify/cookie";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import Fastify, { LogController, type FastifyBaseLogger, type FastifyPluginAsync, type FastifyReply } from "fastify";
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import { isRoutine, loggedPath, requestLine } from "./server/access-log.ts";
import { enforce, open, requireDeclaration, type Access } from "./server/access.ts";
import { calledOnBehalfOf } from "./server/on-behalf.ts";
import { createLogins, enforceLogin, type PageAccess } from "./server/sessions.ts";
import { createVerifier } from "./server/auth.ts";
import { ApiError, errorBody, forLog, toAnswer } from "./server/errors.ts";
import { limitCallers } from "./server/limits.ts";
import { createMetrics } from "./ops/metrics.ts";
import type { Api, Area, ServerDependencies, ServerParts } from "./server/parts.ts";
import { isLocalCall } from "./server/local.ts";
import { readJsonBodies } from "./server/json-body.ts";
import { refuseUnknownFields } from "./server/strict.ts";
import { createReading } from "./server/reading.ts";
import { createRevocations } from "./server/revocations.ts";
import { createAffiliateKeys } from "./recon/affiliate-key.ts";
import { affiliateReportRoutes } from "./conversions/affiliates.ts";
import { deliveryRoutes } from "./conversions/deliveries.ts";
import { everflowRoutes } from "./conversions/everflow.ts";
import { conversionRoutes } from "./conversions/conversions.ts";
import { trackRoutes } from "./conversions/track.ts";
import { codecRoutes } from "./ops/codec.ts";
import { createAnytrackHooks } from "./conversions/hooks-anytrack.ts";
import { discordHooks } from "./recon/hooks-discord.ts";
import { operationsRoutes } from "./sync/operations.ts";
import { affiliateMappingRoutes } from "./cost/affiliate-mapping.ts";
import { cpaRoutes } from "./cost/cpa.ts";
import { spendRoutes } from "./cost/spend.ts";
import { mcpRoutes } from "./mcp/mcp.ts";
import { outlookRoute } from "./cost/outlook.ts";
import { whyRoutes } from "./cost/why.ts";
import { overviewRoutes } from "./overview/overview.ts";
import { trackingRoutes } from "./promo/tracking.ts";
import { payoutRoutes } from "./payouts/payouts.ts";
import { reconRoutes } from "./recon/recon.ts";
import { findingRoutes } from "./findings/findings.ts";
import { tieOutRoutes } from "./findings/tie-out.ts";
import { intelligenceRoutes } from "./intelligence/intelligence.ts";
import { rtbRoutes } from "./rtb/rtb.ts";
import { correctRoute } from "./files/correct-line.ts";
import { pretargetingRoutes } from "./pretargeting/pretargeting.ts";
import { importRoutes } from "./files/import-routes.ts";
import { channelRoutes } from "./ops/channels.ts";
import { sessionRoutes } from "./ops/sessions.ts";
import { quarantinedLineRoute, redriveRoute, rejectedLinesRoute } from "./files/quarantined-line.ts";
import { createSystemRoutes } from "./ops/system.ts";
import { cutOffSlowBodies } from "./server/slow-bodies.ts";
import { typedHere } from "../settings/typed-here.ts";

/** One line per area; each is a file of routes in its domain's folder. */
const areas: Area[] = [
  { prefix: "/api/v1", routes: overviewRoutes },
  { prefix: "/api/v1/ops", routes: operationsRoutes },
  { prefix: "/api/v1/ops", routes: channelRoutes },
  { prefix: "/api/v1/ops", routes: sessionRoutes },
  { prefix: "/api/v1/ops", routes: correctRoute },
  { prefix: "/api/v1/ops", routes: quarantinedLineRoute },
  { prefix: "/api/v1/cost", routes: cpaRoutes },
  { prefix: "/api/v1/cost", routes: spendRoutes },
  { prefix: "/api/v1/cost", routes: whyRoutes },
  { prefix: "/api/v1/cost", routes: outlookRoute },
  { prefix: "/api/v1/cost", routes: affiliateMappingRoutes },
  { prefix: "/api/v1/payouts", routes: payoutRoutes },
  { prefix: "/api/v1", routes: findingRoutes },
  { prefix: "/api/v1", routes: tieOutRoutes },
  { prefix: "/api/v1/anytrack", routes: conversionRoutes },
  { prefix: "/api/v1/anytrack", routes: affiliateReportRoutes },
  { prefix: "/api/v1/anytrack", routes: trackRoutes },
  { prefix: "/api/v1/everflow", routes: everflowRoutes },
  { prefix: "/api/v1/deliveries", routes: deliveryRoutes },
  { prefix: "/api/v1/rtb", routes: rtbRoutes },
  { prefix: "/api/v1/rtb", routes: intelligenceRoutes },
  { prefix: "/api/v1/rtb", routes: pretargetingRoutes },
  { prefix: "/api/v1/rtb", routes: importRoutes },
  { prefix: "/api/v1/rtb", routes: redriveRoute },
  { prefix: "/api/v1/rtb", routes: rejectedLinesRoute },
  { prefix: "/hooks", routes: createAnytrackHooks() },
  { prefix: "/hooks", routes: discordHooks },
  { prefix: "/api/v1/recon", routes: reconRoutes },
  // Below /api/v1/promo; its redirects are at /r.
  { prefix: "", routes: trackingRoutes },
  { prefix: "/codec", routes: codecRoutes },
  { prefix: "", routes: mcpRoutes },
];

const handlerTimeoutMs = 30_000;

/** Pages that come from a package and hold no data of ours. */
const docs = "/docs";

/** The HTTP API. Does not listen yet: tests inject. */
export async function createServer(dependencies: ServerDependencies, moreAreas: readonly Area[] = []): Promise<Api> {
  const { config, settings, logger } = dependencies;
  const parts = { ...dependencies, reading: createReading(dependencies.database, dependencies.probe) };
  const metrics = createMetrics(parts);

  const api: Api = Fastify({
    loggerInstance: logger as FastifyBaseLogger,
    // We write our own line: Fastify's has the whole URL, secrets and all.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    genReqId: () => randomUUID(),
    trustProxy: config.api.trustedProxies.length === 0 ? false : config.api.trustedProxies,
    bodyLimit: settings.bodyLimitBytes,
    // The most that any route allows; the others are held to less below.
    requestTimeout: Math.max(settings.requestTimeoutMs, settings.uploadTimeoutMs),
    // A caller that stops reading its answer is let go of, too.
    connectionTimeout: 3 * settings.requestTimeoutMs,
    keepAliveTimeout: 65_000,
    // Node looks for slow clients only every 30 s by default.
    http: {
      connectionsCheckingInterval: Math.min(1_000, settings.requestTimeoutMs),
      headersTimeout: settings.requestTimeoutMs,
    },
    routerOptions: { maxParamLength: 300 },
    return503OnClosing: false,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => {
      const { status, body } = toAnswer(error, request.id);
      void (reply as FastifyReply).code(status).type("application/json; charset=utf-8").send(JSON.stringify(body));
    },
  }).withTypeProvider<ZodTypeProvider>();

  giveHandlersTime(api);
  await api.register(cookie);
  api.setValidatorCompiler(validatorCompiler);
  api.setSerializerCompiler(serializerCompiler);
  readJsonBodies(api);
  refuseUnknownFields(api);
  answerErrors(api);
  cutOffSlowBodies(api, settings.requestTimeoutMs, answerBrokenRequest);
  logRequests(api, logger, metrics.observeRequest);
  sendSafeHeaders(api);
  guardRoutes(api, parts);
  await limitCallers(api, { reading: parts.reading, requestsPerMinute: settings.requestsPerMinute });
  await describeRoutes(api);

  const system: Area = { prefix: "", routes: createSystemRoutes(metrics) };
  for (const { prefix, routes } of [system, ...areas, ...moreAreas]) {
    // Async, so that an area that throws rejects instead of leaving the start hanging.
    await api.register(
      named(prefix, async (scope) => routes(scope as Api, parts)),
      { prefix },
    );
  }
  await api.ready();
  return api;
}

/** Of a function without a name Fastify looks through all that is loaded to find it one. */
const named = <Plugin extends FastifyPluginAsync>(name: string, plugin: Plugin): Plugin =>
  Object.assign(plugin, { [Symbol.for("fastify.display-name")]: name || "system" });

/** A handler that takes longer is given up; one with a deadline of its own is spared the second clock, which costs a tenth of a short request. */
function giveHandlersTime(api: Api): void {
  api.addHook("onRoute", (route) => {
    if (route.config?.hasDeadline !== true) route.handlerTimeout ??= handlerTimeoutMs;
  });
}

/** Every route says who may call it, or the server does not start; the token is read before the limits, the access checked after. */
function guardRoutes(api: Api, parts: ServerParts): void {
  const { config, reading } = parts;
  const logins = createLogins(parts);
  const verify = createVerifier({
    ...config.api,
    clients: config.clients,
    isRevoked: createRevocations(reading),
  });
  const affiliateKeys = createAffiliateKeys(parts);
  api.decorateRequest("caller", null);
  api.decorateRequest("affiliate", null);
  api.decorateRequest("affiliateKey", null);
  api.decorateRequest("refusal", null);
  api.decorateRequest("isLocal", false);
  api.decorateRequest("sessionId", null);
  api.decorateRequest("sessionHash", null);

  api.addHook("onRoute", (route) => {
    if (route.url === docs || route.url.startsWith(`${docs}/`))
      route.config = { ...route.config, ...open, rateLimit: false };
    const access = requireDeclaration(route);
    const schema = route.schema ?? {};
    route.schema = {
      ...schema,
      ...(access === "public" ? {} : { security: securityOf(access) }),
      // Without a schema of its own an answer is not ours to describe: the metrics page, the front page.
      ...(schema.response === undefined
        ? {}
        : { response: { "4xx": errorBody, "5xx": errorBody, ...schema.response } }),
    };
  });

  api.addHook("onRequest", async (request) => {
    const { authorization } = request.headers;
    const { access } = request.routeOptions.config;
    request.isLocal = isLocalCall(request, config.api);
    // A page has cookies.
    if (pageAccess(access) !== null) return logins.note(request);
    const holder = calledOnBehalfOf(request);
    if (holder !== null) return void Object.assign(request, holder);
    if (authorization === undefined && (access === "public" || (access?.local === true && request.isLocal))) return;
    try {
      // Without any key to check with, a caller without a token is told that, too.
      if (authorization !== undefined) request.caller = await verify(authorization);
      else if (config.api.jwtSecret === null && config.api.jwksUrl === null) await verify("");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      request.refusal = error;
    }
    await affiliateKeys.note(request);
  });

  // After the rate limit and before the body: who may not call does not get to send one.
  api.addHook("preParsing", async (request) => {
    if (request.is404) return;
    const { url = "", config: declared } = request.routeOptions;
    const access = requireDeclaration({ method: request.method, url, config: declared });
    const page = pageAccess(access);
    if (page !== null) {
      await logins.find(request);
      return enforceLogin(page, request);
    }
    await affiliateKeys.find(request);
    enforce(access, request);
  });
}

function pageAccess(access: Access | undefined): PageAccess | null {
  return access === undefined || access === "public" || access.page !== true ? null : access;
}

/** As it is documented: a token, an affiliate's key, or either. */
function securityOf({ roles, affiliates }: Exclude<Access, "public">): Record<string, string[]>[] {
  return [...(roles.length > 0 ? [{ token: [] }] : []), ...(affiliates === true ? [{ affiliateKey: [] }] : [])];
}

async function describeRoutes(api: Api): Promise<void> {
  await api.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Signal Room",
        version: "1",
        description: "Lists page by `limit` and `cursor`; amounts are decimal strings; instants are UTC.",
      },
      components: {
        securitySchemes: {
          token: {
            type: "http",
            scheme: "bearer",
            bearerFormat: "JWT",
            description: typedHere("`npm run token` prints one"),
          },
          affiliateKey: {
            type: "apiKey",
            in: "header",
            name: "X-API-Key",
            description: "an affiliate's own; shown once when it is made",
          },
        },
      },
    },
    transform: jsonSchemaTransform,
  });
  await api.register(swaggerUi, {
    routePrefix: docs,
    staticCSP: true,
    theme: { title: "Signal Room API" },
    uiConfig: { layout: "BaseLayout", displayRequestDuration: true },
  });
  api.get("/openapi.json", { config: open, schema: { hide: true } }, () => Promise.resolve(api.swagger()));
}

function answerErrors(api: Api): void {
  api.setErrorHandler((error, request, reply) => {
    const { status, body } = toAnswer(error, request.id);
    if (status >= 500) {
      const level = status === 503 ? "warn" : "error";
      request.log[level]({ path: loggedPath(request.url), error: forLog(error) }, "a request failed");
    }
    if (status === 401) reply.header("www-authenticate", "Bearer");
    if (status === 503) reply.header("retry-after", "5");
    // Serialized here: a route's own schema knows its answers, not our errors.
    return reply.code(status).type("application/json; charset=utf-8").serializer(JSON.stringify).send(body);
  });
}

function logRequests(
  api: Api,
  logger: ServerParts["logger"],
  observe: ReturnType<typeof createMetrics>["observeRequest"],
): void {
  api.addHook("onResponse", (request, reply, done) => {
    const { statusCode, elapsedTime } = reply;
    const { url } = request.routeOptions;
    observe({ method: request.method, route: url ?? "(none)", status: statusCode, seconds: elapsedTime / 1_000 });
    const level = statusCode >= 500 ? "warn" : isRoutine(url, statusCode) ? "debug" : "info";
    if (logger.isLevelEnabled(level)) request.log[level](requestLine(request, statusCode, elapsedTime), "request");
    done();
  });
}

function sendSafeHeaders(api: Api): void {
  api.addHook("onSend", (request, reply, _payload, done) => {
    reply.headers({
      "x-request-id": request.id,
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
    });
    const isPage = request.routeOptions.url?.startsWith(docs) === true;
    if (!isPage) {
      if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
      if (!reply.hasHeader("content-security-policy"))
        reply.header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    }
    done();
  });
}

/** What never became a request: bytes that are no HTTP, headers without end, a client too slow to finish. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) return void socket.destroy();
  const [status, message] =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? ["408 Request Timeout", "the request took too long to arrive"]
      : error.code === "HPE_HEADER_OVERFLOW"
        ? ["431 Request Header Fields Too Large", "the headers are too large"]
        : ["400 Bad Request", "this is not a request"];
  const body = JSON.stringify({ error: "validation_error", message });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
