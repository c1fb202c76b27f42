import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Destination } from "../connectors/destinations/destination.ts";
import type { Outgoing, Settled } from "../connectors/destinations/outgoing.ts";
import { findDestination } from "../connectors/destinations/registry.ts";
import { createHttp } from "../connectors/http.ts";
import { vendors } from "../connectors/registry.ts";
import { createRedactor } from "../core/redact.ts";
import { settingName } from "../core/setting-name.ts";
import { identityOf } from "../rules/conversions/identity.ts";
import type { CreateVendor } from "../sandbox/find-vendors.ts";
import { startSandbox, type Sandbox } from "../sandbox/server.ts";

const now = "2026-03-10T12:00:00Z";
const person = "jane.doe@shop.example";

/** A conversion an hour old, as the ledger hands it out. */
export const outgoing = (id: string, more: Partial<Outgoing> = {}): Outgoing => ({
  conversionKey: `everflow:${id}`,
  eventId: `everflow:${id}`,
  eventName: "Purchase",
  eventTime: new Date("2026-03-10T11:00:00Z"),
  value: "60.000000",
  currency: "USD",
  orderId: `ord-${id}`,
  clickId: `click-${id}`,
  type: "SALE",
  standing: "stands",
  chargedBack: "0",
  ...more,
});

export interface Delivered {
  settled: Settled[];
  /** The query of each request: the part of an address that is logged everywhere. */
  requests: string[];
}

/** Sends to the destination's mock vendor as one client; its clock stands still. */
export async function deliverTo(
  destination: Destination,
  sandbox: Pick<Sandbox, "url">,
  { client, conversions, key = `sandbox-${client}` }: { client: string; conversions: Outgoing[]; key?: string },
): Promise<Delivered> {
  const delivered: Delivered = { settled: [], requests: [] };
  const same = (text: string) => text;
  const http = createHttp({
    baseUrl: `${sandbox.url}/${destination.name}`,
    erase: same,
    redact: same,
    refusal: destination.refusal,
    classify: destination.classify,
    beforeRequest: () => Promise.resolve(() => Promise.resolve()),
  });
  const known = conversions.map(({ conversionKey }) => [conversionKey, identityOf({ email: person })] as const);
  await destination.send({
    http: {
      ...http,
      json: (request) => {
        delivered.requests.push(JSON.stringify(request.query ?? {}));
        return http.json(request);
      },
    },
    secrets: Object.fromEntries(Object.keys(destination.secrets.shape).map((name) => [name, key])),
    settings: (destination.settings?.parse({}) ?? {}) as Record<string, string>,
    conversions,
    identities: new Map(destination.takesPersons ? known : []),
    onSettled: (some) => Promise.resolve(void delivered.settled.push(...some)),
  });
  return delivered;
}

/** The contract every destination keeps, run against its mock vendor: the sandbox's, or one that the test brings. */
export function describeDestination(destination: Destination, mock?: CreateVendor): void {
  describe(`${destination.name} keeps the contract of a destination`, () => {
    let sandbox: Sandbox;
    beforeAll(async () => {
      sandbox = await startSandbox({ now, vendors: mock === undefined ? {} : { [destination.name]: mock } });
    });
    afterAll(() => sandbox.close());

    const send = (client: string, conversions: Outgoing[], key?: string) =>
      deliverTo(destination, sandbox, { client, conversions, ...(key === undefined ? {} : { key }) });
    const control = async (path: string, init: RequestInit = {}): Promise<unknown> =>
      (await fetch(`${sandbox.url}/_control${path}`, init)).json();
    const held = (client: string) =>
      control(`/dump?vendor=${destination.name}&client=${client}&from=2026-01-01&to=2027-01-01`) as Promise<unknown[]>;

    test("it is in the registry, its vendor among those we have accounts with, its limits are numbers", () => {
      expect(findDestination(destination.name)).toBe(destination);
      expect(vendors).toContain(destination);
      expect(destination.mostAtOnce).toBeGreaterThan(0);
      expect(destination.ageLimitMs ?? 1).toBeGreaterThan(0);
      expect(destination.repeatMs ?? 1).toBeGreaterThan(0);
    });

    test("its secrets and settings are named as settings are, and no printed request shows a secret", async () => {
      const names = [destination.secrets.shape, destination.settings?.shape ?? {}].flatMap(Object.keys);
      const prefix = `${settingName(destination.name)}_`;
      expect(names.filter((name) => !name.startsWith(prefix) || !/^[A-Z][A-Z0-9_]+$/.test(name))).toEqual([]);
      const secrets = Object.fromEntries(
        Object.keys(destination.secrets.shape).map((name) => [name, `canary-${name}`]),
      );
      const request = await destination.probe(secrets, {});
      expect(createRedactor(Object.values(secrets))(JSON.stringify(request))).not.toContain("canary");
      expect(JSON.stringify(request.query ?? {})).not.toContain("canary");
    });

    test("a batch is delivered in one call and each conversion settled once; a repeat adds nothing there", async () => {
      const conversions = ["a", "b", "c"].map((id) => outgoing(id));
      for (let time = 1; time <= 2; time += 1) {
        const { settled, requests } = await send("contract", conversions);
        expect(settled.map(({ conversionKey, state }) => [conversionKey, state]).sort()).toEqual(
          conversions.map(({ conversionKey }) => [conversionKey, "delivered"]),
        );
        expect(requests).toHaveLength(1);
        expect(await held("contract")).toHaveLength(3);
      }
    });

    test("nothing to send is no request", async () => {
      expect(await send("nothing", [])).toEqual({ settled: [], requests: [] });
    });

    test("nothing secret is in a query, and nothing of a person in what is written down", async () => {
      const { settled, requests } = await send("quiet", [
        outgoing("a"),
        outgoing("b", { value: null, currency: null }),
      ]);
      expect(settled).toHaveLength(2);
      for (const shown of [...requests, ...settled.map(({ answer }) => answer)]) {
        expect(shown).not.toContain("sandbox-quiet");
        expect(shown).not.toContain(person);
      }
    });

    test.each(["SALE", "LEAD", "SIGNUP", "CUSTOM"])(
      "a %s is settled, whatever has become of it since",
      async (type) => {
        const conversions = (["stands", "charged_back", "withdrawn"] as const).map((standing) =>
          outgoing(standing, { type, standing, chargedBack: standing === "charged_back" ? "-60" : "0" }),
        );
        const { settled } = await send(`type-${type.toLowerCase()}`, conversions);
        expect(new Set(settled.map(({ conversionKey }) => conversionKey)).size).toBe(3);
        expect(settled).toHaveLength(3);
      },
    );

    test("a key that is refused settles nothing and waits for a person", async () => {
      await expect(send("refused", [outgoing("a")], "no-such-key")).rejects.toMatchObject({ kind: "unauthorized" });
    });

    test("a vendor that is down settles nothing and is tried again", async () => {
      const fault = { vendor: destination.name, kind: "server_error", status: 503, times: 1 };
      await control("/faults", { method: "POST", body: JSON.stringify(fault) });
      await expect(send("down", [outgoing("a")])).rejects.toMatchObject({ kind: "unavailable" });
      expect(await held("down")).toEqual([]);
    });
  });
}
