import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { isLosslessNumber, parse } from "lossless-json";
import { z } from "zod";
import { parseMoney } from "../core/money.ts";
import { readPostUrl } from "../rules/recon/post-url.ts";
import { createRedactor } from "../core/redact.ts";
import { ConnectorError } from "../connectors/errors.ts";
import type { Http } from "../connectors/http.ts";
import { vendors } from "../connectors/registry.ts";
import type { PageRequest } from "../connectors/source.ts";
import type { Platform, PlatformAnswer } from "../connectors/platforms/platform.ts";
import { findPlatform } from "../connectors/platforms/registry.ts";

const recorded = z.strictObject({
  what: z.string(),
  post: z.strictObject({ url: z.string(), postId: z.string().nullable(), postedAt: z.string().nullable() }),
  /** Each value that is a secret says "canary". */
  credentials: z.record(z.string(), z.string()),
  answers: z.array(
    z.strictObject({
      path: z.string(),
      /** Only for the page that begins there. */
      after: z.string().optional(),
      status: z.number().optional(),
      answer: z.unknown(),
    }),
  ),
  /** What stands for a person in the answers and must not be kept. */
  persons: z.array(z.string()),
  expected: z.looseObject({ kind: z.string() }),
});

export type Recorded = z.output<typeof recorded>;

/** The contract every platform keeps, run on recorded answers, each of one post: in the test itself, or a file of `fixtures/`. */
export function describePlatform(platform: Platform, fixtures: readonly (string | Recorded)[]): void {
  const { vendor } = platform;
  const secretNames = Object.keys(vendor.secrets.shape);
  const settingNames = Object.keys(vendor.settings?.shape ?? {});

  describe(`${platform.name} keeps the contract of a platform`, () => {
    test("it is in the registry, and its vendor among those we have accounts with", () => {
      expect(findPlatform(platform.name)).toBe(platform);
      expect(vendors).toContain(vendor);
    });

    test("the hosts it may ask are names, in small letters, each once", () => {
      expect(platform.hosts.length).toBeGreaterThan(0);
      expect(platform.hosts.filter((host) => !/^(?:[a-z0-9-]+\.)+[a-z]{2,}$/.test(host))).toEqual([]);
      expect(new Set(platform.hosts).size).toBe(platform.hosts.length);
    });

    test("its secrets are named as settings are, an affiliate may bring some, and no printed request shows them", async () => {
      expect([...secretNames, ...settingNames].filter((name) => !/^[A-Z][A-Z0-9_]+$/.test(name))).toEqual([]);
      expect(platform.ownCredentials.length).toBeGreaterThan(0);
      expect(platform.ownCredentials.filter((name) => settingNames.includes(name))).toEqual([]);
      const secrets = Object.fromEntries(secretNames.map((name) => [name, `canary-${name.toLowerCase()}`]));
      expect(shownBy(await vendor.probe(secrets, {}))).not.toContain("canary");
    });

    const all = fixtures.map((one) =>
      typeof one === "string" ? ([one, load(one)] as const) : ([one.what, one] as const),
    );
    describe.each(all)("on %s", (_, fixture) => {
      const ask = (one = fixture) => fetchFrom(platform, one);

      test(`${fixture.what} is what it is`, async () => {
        const { answer } = await ask();
        expect(answer).toMatchObject(fixture.expected);
      });

      test("its address is one that the platform spells", () => {
        const read = readPostUrl(platform, fixture.post.url);
        expect(read).toMatchObject({ ok: true });
        if (fixture.post.postId !== null)
          expect(read).toMatchObject({ address: { platformPostId: fixture.post.postId } });
      });

      test("asking twice gives the same", async () => {
        expect((await ask()).answer).toEqual((await ask()).answer);
      });

      test("every number is a whole one or unknown, and spend has its currency", async () => {
        const { answer } = await ask();
        if (answer.kind !== "metrics") return expect(answer.reason).toMatch(/./);
        const { views, clicks, conversions, spend, currency, hints } = answer.metrics;
        for (const number of [views, clicks, conversions])
          expect(number === null || (Number.isSafeInteger(number) && number >= 0)).toBe(true);
        expect(spend === null || (parseMoney(spend) === spend && currency !== null)).toBe(true);
        expect(Object.values(hints).filter((hint) => !Number.isFinite(hint))).toEqual([]);
        return undefined;
      });

      test("what it cannot verify is unknown, whoever asks", async () => {
        const { answer } = await ask();
        if (answer.kind !== "metrics") return;
        for (const metric of ["views", "clicks", "conversions"] as const)
          if (!platform.verifies.includes(metric)) expect(answer.metrics[metric]).toBeNull();
      });

      test("nothing of a person and nothing secret is kept", async () => {
        const { answer } = await ask();
        const kept = JSON.stringify(answer);
        for (const person of [...fixture.persons, "canary"]) expect(kept).not.toContain(person);
        if (answer.kind === "metrics")
          expect(JSON.parse(JSON.stringify(answer.metrics.raw))).toEqual(answer.metrics.raw);
      });

      test("no request has a secret in its address, and none is shown when printed", async () => {
        const { requests } = await ask();
        expect(requests.length).toBeGreaterThan(0);
        for (const request of requests) {
          expect(request.path).toMatch(/^\//);
          expect(`${request.path} ${JSON.stringify(request.query ?? {})}`).not.toContain("canary");
          expect(shownBy(request)).not.toContain("canary");
        }
      });

      test("a field the platform adds one day changes nothing", async () => {
        const news = { ...fixture, answers: fixture.answers.map((one) => ({ ...one, answer: withNews(one.answer) })) };
        expect((await ask(news)).answer).toEqual((await ask()).answer);
      });

      test.each([[null], [[]], [{}], ["ok"], [{ data: {} }], [{ kind: "Listing", data: null }]])(
        "an answer of another form, %j, is no number",
        async (odd) => {
          const odds = { ...fixture, answers: fixture.answers.map(({ path }) => ({ path, answer: odd })) };
          const fresh = Object.fromEntries(
            Object.entries(fixture.credentials).map(([name, value]) => [
              name,
              value.startsWith("canary") ? `${value}-${JSON.stringify(odd)}` : value,
            ]),
          );
          await expect(ask({ ...odds, credentials: fresh })).rejects.toMatchObject({ kind: "malformed" });
        },
      );
    });
  });
}

export function load(file: string): Recorded {
  return recorded.parse(
    JSON.parse(readFileSync(new URL(`../connectors/platforms/fixtures/${file}`, import.meta.url), "utf8")),
  );
}

/** Asks the platform as it would be asked, with recorded answers in place of the network. */
export async function fetchFrom(
  platform: Platform,
  { post, credentials, answers }: Pick<Recorded, "post" | "credentials" | "answers">,
): Promise<{ answer: PlatformAnswer; requests: PageRequest[] }> {
  const requests: PageRequest[] = [];
  const http: Http = {
    json: (request) => {
      requests.push(request);
      const found = answers.find(
        ({ path, after }) => path === request.path && (after === undefined || after === request.query?.["after"]),
      );
      if (found === undefined) throw new Error(`nothing is recorded for ${request.path}`);
      const { status = 200, answer } = found;
      if (status < 300) return Promise.resolve(parse(JSON.stringify(answer)));
      const refusal = platform.vendor.classify?.(status, answer);
      return Promise.reject(
        new ConnectorError(refusal?.kind ?? "rejected", refusal?.message ?? "", { code: refusal?.code }),
      );
    },
  };
  return { answer: await platform.fetchMetrics({ http, post, credentials }), requests };
}

/** A request as a log would have it, every secret known. */
function shownBy(request: PageRequest): string {
  const printed = JSON.stringify(request);
  const canaries = printed.match(/canary[\w-]*/g) ?? [];
  return createRedactor(canaries)(printed);
}

function withNews(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withNews);
  if (isLosslessNumber(json) || typeof json !== "object" || json === null) return json;
  return {
    ...Object.fromEntries(Object.entries(json).map(([name, value]) => [name, withNews(value)])),
    unheard_of: { a: [1, null, "x"] },
  };
}
