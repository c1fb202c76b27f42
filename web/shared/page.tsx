import type { FastifyReply, FastifyRequest } from "fastify";
import type { ComponentChildren, VNode } from "preact";
import { renderToString } from "preact-render-to-string";
import { z } from "zod";
import { dayAt } from "../../core/days.ts";
import { describeIssues } from "../../core/typed.ts";
import { allowAffiliatesPage, allowPage } from "../../api/server/access.ts";
import { ApiError } from "../../api/server/errors.ts";
import { callRoute, type Answer, type Asked } from "../../api/server/call-route.ts";
import type { ServerParts } from "../../api/server/parts.ts";
import { zoneOf } from "../../api/server/zone.ts";
import type { Role } from "../../core/tokens.ts";
import { Layout } from "../components/layout.tsx";
import type { Assets } from "./assets.ts";
import { nameDirection } from "./direction.ts";
import { viewerOf, type At, type Viewer, type Web } from "./web.ts";

export interface PageOptions<Query extends z.ZodRawShape> {
  url: string;
  /** Who may see it; affiliates only where they are named. */
  who: readonly Role[];
  affiliates?: boolean;
  /** One page asks for many of these at once, as for pictures: they have a limit of their own, ten times as high. */
  isOneOfMany?: boolean;
  /** What it takes in its address. A filter that it does not know is refused: it must not answer with everything. */
  query?: Query;
}

export type Visit<Query extends z.ZodRawShape> = At<z.output<z.ZodObject<Query>>>;

/** What a page shows: its title and content, with the scripts that only it needs. */
export interface Content {
  title: string;
  body: VNode;
  scripts?: readonly string[];
  status?: number;
}

/** `page(web, { url: "/spend", who: readers, query: periodQuery }, async (at) => ({ title, body }))` */
export function page<Query extends z.ZodRawShape = Record<never, never>>(
  web: Web,
  options: PageOptions<Query>,
  show: (at: Visit<Query>) => Promise<Content | FastifyReply>,
): void {
  const max = 10 * web.parts.settings.requestsPerMinute;
  const config = {
    ...accessOf(options),
    ...(options.isOneOfMany === true ? { rateLimit: { max, timeWindow: 60_000 } } : {}),
  };
  web.api.get(options.url, { config, schema: { hide: true } }, async (request, reply) => {
    const at = visit(web.parts, options, { request, reply });
    const content = await show(at);
    return isContent(content) ? send(web.assets, at, content) : content;
  });
}

/** The rows of a page as a file, under the same filters. */
export function download<Query extends z.ZodRawShape = Record<never, never>>(
  web: Web,
  options: PageOptions<Query>,
  write: (at: Visit<Query>) => Promise<{ name: string; text: string }>,
): void {
  web.api.get(options.url, { config: accessOf(options), schema: { hide: true } }, async (request, reply) => {
    const { name, text } = await write(visit(web.parts, options, { request, reply }));
    return reply
      .type("text/csv; charset=utf-8")
      .header("content-disposition", `attachment; filename="${name.replaceAll(/[^\w.-]/g, "_")}"`)
      .send(text);
  });
}

/** What a form of a page does: the address to go to afterwards, or the page again with what was wrong. */
export function form<Body extends z.ZodType>(
  web: Web,
  options: PageOptions<Record<never, never>> & { body: Body },
  act: (at: At<object>, body: z.output<Body>) => Promise<string | Content | FastifyReply>,
): void {
  web.api.post(options.url, { config: accessOf(options), schema: { hide: true } }, async (request, reply) => {
    const at = visit(web.parts, { ...options, query: {} }, { request, reply });
    const parsed = options.body.safeParse(request.body ?? {});
    if (!parsed.success) throw new ApiError("validation_error", describeIssues(parsed.error).join("; "));
    const done = await act(at, parsed.data);
    if (typeof done === "string") return reply.code(303).header("location", done).send();
    return isContent(done) ? send(web.assets, at, done) : done;
  });
}

/** Calls a JSON route as the person who is logged in. A refusal is thrown with the words of the route. */
export function call<Body>({ api }: Pick<Web, "api">, request: FastifyRequest, asked: Asked): Promise<Answer<Body>> {
  return callRoute<Body>(api, request, asked);
}

/** What a JSON route answers the person who is logged in. */
export async function get<Body>(web: Pick<Web, "api">, request: FastifyRequest, url: string): Promise<Body> {
  return (await call<Body>(web, request, { method: "GET", url })).body;
}

/** What stands for `:name` in the address of a page. */
export function param({ request }: Pick<At<unknown>, "request">, name: string): string {
  return encodeURIComponent((request.params as Record<string, string>)[name] ?? "");
}

function accessOf({ who, affiliates }: Pick<PageOptions<never>, "who" | "affiliates">) {
  return affiliates === true ? allowAffiliatesPage(...who) : allowPage(...who);
}

const isContent = (answer: Content | FastifyReply): answer is Content => "body" in answer && "title" in answer;

function visit<Query extends z.ZodRawShape>(
  parts: ServerParts,
  { query }: PageOptions<Query>,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Visit<Query> {
  const url = new URL(request.url, "http://pages");
  // An empty field of a form is a filter that was left out.
  const asked = Object.fromEntries([...url.searchParams].filter(([, value]) => value !== ""));
  const parsed = z.strictObject(query ?? ({} as Query)).safeParse(asked);
  if (!parsed.success)
    throw new ApiError("validation_error", `The address is not right: ${describeIssues(parsed.error).join("; ")}`);
  const viewer = viewerOf(request);
  const now = new Date();
  const zone = zoneOf(parts, viewer.client);
  const known = parsed.data as z.output<z.ZodObject<Query>>;
  return { parts, viewer, query: known, url, now, zone, today: dayAt(now, zone), request, reply };
}

function send(assets: Assets, at: At<unknown>, { title, body, scripts, status = 200 }: Content): FastifyReply {
  const around = {
    title,
    assets,
    viewer: at.viewer,
    path: at.url.pathname,
    zone: at.zone,
    now: at.now,
    scripts,
  };
  return sendHtml(at.reply.code(status), <Layout {...around}>{body}</Layout>);
}

interface Bare {
  assets: Assets;
  title: string;
  status?: number;
  zone: string;
}

/** A page for somebody who is not logged in, or that says what went wrong. */
export function sendBare(
  reply: FastifyReply,
  bare: Bare & { viewer?: Viewer | null },
  children: ComponentChildren,
): FastifyReply {
  const { assets, title, status = 200, zone, viewer = null } = bare;
  return sendHtml(
    reply.code(status),
    <Layout title={title} assets={assets} viewer={viewer} path="" zone={zone} now={new Date()}>
      {children}
    </Layout>,
  );
}

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

function sendHtml(reply: FastifyReply, document: VNode): FastifyReply {
  return reply
    .header("content-security-policy", policy)
    .type("text/html; charset=utf-8")
    .send(`<!doctype html>${nameDirection(renderToString(document))}`);
}
