import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { vendorHttp, type VendorManners } from "./vendor-http.ts";
import type { Quota } from "./source.ts";

let server: Server;
let baseUrl: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    const status = Number(new URL(request.url ?? "", "http://x").searchParams.get("status") ?? 200);
    response.writeHead(status, { "content-type": "application/json", "x-left": "0" });
    response.end(JSON.stringify({ path: request.url, error: status === 200 ? undefined : "no: the-account-key-1" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const vendor: VendorManners = {
  name: "someone",
  addresses: { tokens: "https://tokens.example" },
  quota: (headers) => (headers.get("x-left") === "0" ? { waitMs: 1_500 } : null),
  classify: () => ({ kind: "quota_spent", message: "the day is used up: the-account-key-1", code: "D1" }),
};

function reach(settings: Record<string, string> = {}) {
  const quotas: Quota[] = [];
  const waits: (number | null)[] = [];
  const http = vendorHttp({
    vendor,
    account: { baseUrl, secrets: { SOMEONE_KEY: "the-account-key-1" }, settings },
    redact: (text) => text,
    onQuota: (quota) => void quotas.push(quota),
    beforeRequest: () => Promise.resolve(({ waitMs }) => Promise.resolve(void waits.push(waitMs))),
  });
  return { http, quotas, waits };
}

test("what a vendor says of its own errors, quota and addresses is heard, whoever asks", async () => {
  const { http, quotas, waits } = reach();
  await expect(http.json({ path: "/x", query: { status: 403 } })).rejects.toMatchObject({
    kind: "quota_spent",
    code: "D1",
  });
  await expect(http.json({ at: "tokens", path: "/y" })).resolves.toMatchObject({ path: "/y" });
  expect(quotas).toEqual([{ waitMs: 1_500 }, { waitMs: 1_500 }]);
  expect(waits).toEqual([1_500, 1_500]);
});

test("the account's secrets are in no answer and in no message", async () => {
  const { http } = reach();
  expect(await http.json({ path: "/x", query: { key: "the-account-key-1" } })).toEqual({ path: "/x?key=[redacted]" });
  const refused = await http.json({ path: "/x", query: { status: 500 } }).catch((error: unknown) => String(error));
  expect(refused).toContain("[redacted]");
  expect(refused).not.toContain("the-account-key-1");
});

test("another address can be set", async () => {
  const { http } = reach({ SOMEONE_TOKENS_BASE_URL: `${baseUrl}/elsewhere` });
  await expect(http.json({ at: "tokens", path: "/y" })).resolves.toMatchObject({ path: "/elsewhere/y" });
});
