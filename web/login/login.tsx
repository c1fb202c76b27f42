import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { hashAffiliateKey } from "../../rules/recon/affiliate-key.ts";
import { loginCodeHash } from "../../core/tokens.ts";
import { recordAudit } from "../../queries/ops/audit.ts";
import { useLoginCode, type SessionHolder } from "../../queries/ops/sessions.ts";
import { findByKeyHash } from "../../queries/recon/keys.ts";
import { open } from "../../api/server/access.ts";
import { openSession, refuseOtherSites, type OpenedBy } from "../../api/server/sessions.ts";
import { Notice, PageHead } from "../components/parts.tsx";
import { zoneOf } from "../../api/server/zone.ts";
import { sendBare } from "../shared/page.tsx";
import type { Web } from "../shared/web.ts";
import { createProvider, type Provider } from "./provider.ts";
import { ownPlace } from "./own-place.ts";
import { typedHere } from "../../settings/typed-here.ts";

/** Tries at keys and codes from one address in a minute, over all processes. */
const triesPerMinute = 10;
const guarded = { ...open, countTogether: true, rateLimit: { max: triesPerMinute } };

interface At {
  request: FastifyRequest;
  reply: FastifyReply;
}

/** Three ways in: the link with a code that `npm start` and `npm run login` print, an identity provider, an affiliate's key. */
export function loginPages(web: Web): void {
  const { api, parts } = web;
  const provider = parts.settings.oidc === null ? null : createProvider(parts.settings.oidc, parts.config.clients);

  api.get("/login", { config: open, schema: { hide: true } }, async (request, reply) => {
    const { code, next } = readQuery(request);
    if (code === undefined) return show(web, { request, reply }, { next, provider });
    return logInByCode({ request, reply }, code, next);
  });

  api.post("/login/code", { config: guarded, schema: { hide: true } }, async (request, reply) => {
    const { code = "", next } = readForm(request);
    return logInByCode({ request, reply }, code, next);
  });

  api.post("/login/key", { config: guarded, schema: { hide: true } }, async (request, reply) => {
    const { key = "", next } = readForm(request);
    const keyHash = hashAffiliateKey(key.trim());
    const found = keyHash === null ? null : await findByKeyHash(parts.reading, keyHash);
    if (keyHash === null || found === null || !found.isActive || !parts.config.clients.includes(found.client))
      return show(
        web,
        { request, reply },
        { next, provider, problem: "This key is not valid, or was replaced or disabled.", status: 401 },
      );
    const { client, affiliateId } = found;
    const holder = { client, affiliateId, role: null, advertiser: null, subject: `affiliate/${affiliateId}` };
    return logIn({ request, reply }, holder, { loggedInBy: "key", keyHash }, next);
  });

  if (provider !== null) {
    api.get(
      "/login/provider",
      { config: { ...open, rateLimit: { max: 60 } }, schema: { hide: true } },
      async (request, reply) => provider.send(reply, { next: readQuery(request).next }),
    );
    api.get(
      "/login/back",
      { config: { ...open, rateLimit: { max: 60 } }, schema: { hide: true } },
      async (request, reply) => {
        const answer = await provider.receive(request, reply);
        if ("problem" in answer)
          return show(web, { request, reply }, { next: "/", provider, problem: answer.problem, status: 401 });
        return logIn({ request, reply }, answer.holder, { loggedInBy: "provider" }, answer.next);
      },
    );
  }

  async function logInByCode(at: At, code: string, next: string): Promise<FastifyReply> {
    // A code lies in a terminal and in a browser's history: it is for this machine.
    const holder = at.request.isLocal ? await useLoginCode(parts.reading, loginCodeHash(code)) : null;
    if (holder !== null && parts.config.clients.includes(holder.client))
      return logIn(at, holder, { loggedInBy: "link" }, next);
    const problem = at.request.isLocal
      ? "This link was used or is too old: each works once, for a few minutes."
      : "Links with a code work on the machine that runs Signal Room.";
    return show(web, at, { next, provider, problem, status: 401 });
  }

  async function logIn(at: At, holder: SessionHolder, opened: OpenedBy, next: string): Promise<FastifyReply> {
    await openSession(parts, at, holder, opened);
    const { client, subject, role } = holder;
    const details = { by: opened.loggedInBy };
    await recordAudit(parts.reading, {
      client,
      actor: subject,
      role: role ?? "affiliate",
      action: "logged_in",
      subject: "pages",
      details,
    });
    return at.reply
      .code(303)
      .header("location", holder.affiliateId !== null && next === "/" ? "/claims" : next)
      .send();
  }
}

const word = z.string().max(2_000).optional();

function readQuery({ query }: FastifyRequest): { code?: string | undefined; next: string } {
  const { code, next } = z.object({ code: word, next: word }).parse(query);
  return { code, next: ownPlace(next) };
}

function readForm(request: FastifyRequest): { code?: string | undefined; key?: string | undefined; next: string } {
  refuseOtherSites(request);
  const { next, ...rest } = z.object({ code: word, key: word, next: word }).parse(request.body ?? {});
  return { ...rest, next: ownPlace(next) };
}

interface Shown {
  next: string;
  provider: Provider | null;
  problem?: string;
  status?: number;
}

async function show(web: Web, { reply }: At, { next, provider, problem, status = 200 }: Shown): Promise<FastifyReply> {
  const { parts, assets, api } = web;
  const answer = await api.inject({ method: "GET", url: "/readyz" });
  return sendBare(
    reply,
    { assets, title: "Log in", status, zone: zoneOf(parts, "") },
    <>
      <PageHead title="Signal Room" lead="What was spent, what it earned, and which claims are true." />
      {problem === undefined ? null : <Notice tone="bad">{problem}</Notice>}
      <div class="columns">
        <section class="panel" aria-labelledby="people">
          <h2 id="people">Log in</h2>
          {provider === null ? null : (
            <p>
              <a class="button primary" href={`/login/provider?next=${encodeURIComponent(next)}`}>
                Log in with {provider.name}
              </a>
            </p>
          )}
          <p>
            On the machine that runs Signal Room: <code>{typedHere("npm run login")}</code> prints a link that works
            once; <code>{typedHere("npm start")}</code> prints one, too.
          </p>
        </section>
        <section class="panel" aria-labelledby="affiliates">
          <h2 id="affiliates">Affiliates</h2>
          <form class="stack" method="post" action="/login/key">
            <input type="hidden" name="next" value={next} />
            <label>
              API key
              <input type="password" name="key" required autocomplete="off" spellcheck={false} />
            </label>
            <div>
              <button type="submit">Log in</button>
            </div>
          </form>
        </section>
        <State ready={answer.json<Ready>()} temporalUi={parts.settings.temporalUiUrl} />
      </div>
    </>,
  );
}

interface Reach {
  reachable: boolean;
  latencyMs: number;
}

interface Ready {
  postgres: Reach;
  temporal: Reach;
  late: unknown[] | null;
  failing: unknown[] | null;
  alerts: { critical: number; warning: number } | null;
}

/** Whether it runs, for whoever only wants to know that. No amounts, no names. */
function State({ ready, temporalUi }: { ready: Ready; temporalUi: string | null }) {
  const reach = ({ reachable, latencyMs }: Reach) => (reachable ? `answers in ${latencyMs} ms` : "does not answer");
  const unknown = "unknown while Postgres does not answer";
  const troubled = ready.late === null || ready.failing === null ? null : ready.late.length + ready.failing.length;
  return (
    <section class="panel" aria-labelledby="state">
      <h2 id="state">State</h2>
      <dl class="facts">
        <dt>Postgres</dt>
        <dd>{reach(ready.postgres)}</dd>
        <dt>Temporal</dt>
        <dd>{reach(ready.temporal)}</dd>
        <dt>Sources</dt>
        <dd>{troubled === null ? unknown : troubled === 0 ? "all fetched on time" : `${troubled} late or failing`}</dd>
        <dt>Alerts</dt>
        <dd>
          {ready.alerts === null ? unknown : `${ready.alerts.critical} critical, ${ready.alerts.warning} warnings open`}
        </dd>
      </dl>
      <p>
        <a href="/docs">API reference</a>
        {temporalUi === null ? null : (
          <>
            {" · "}
            <a href={temporalUi}>Temporal</a>
          </>
        )}
      </p>
    </section>
  );
}
