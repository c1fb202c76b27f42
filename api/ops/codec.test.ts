import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { keyRing, type KeyRing } from "../../core/crypto.ts";
import { createPayloadCodec } from "../../temporal/payload-codec.ts";
import { bearer, testServer } from "../../test/api-server.ts";

const payloadKey = keyRing(randomBytes(32));
const ui = "http://localhost:8233";
const clear = {
  metadata: { encoding: Buffer.from("json/plain").toString("base64") },
  data: Buffer.from('{"client":"713"}').toString("base64"),
};

async function sealed() {
  const [payload] = await createPayloadCodec(payloadKey, "default").encode([
    { metadata: { encoding: Buffer.from("json/plain") }, data: Buffer.from('{"client":"713"}') },
  ]);
  const metadata = Object.fromEntries(
    Object.entries(payload?.metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString("base64")]),
  );
  return { metadata, data: Buffer.from(payload?.data ?? []).toString("base64") };
}

test("the Temporal UI of a local stack reads what is stored encrypted", async () => {
  const server = await testServer({ payloadKey, env: { TEMPORAL_UI_URL: `${ui}/namespaces` } });
  const asked = {
    method: "POST" as const,
    url: "/codec/decode",
    headers: { origin: ui, "x-namespace": "default" },
    payload: { payloads: [await sealed(), clear] },
  };
  const answer = await server.inject(asked);
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual({ payloads: [clear, clear] });
  expect(answer.headers["access-control-allow-origin"]).toBe(ui);

  const otherName = await server.inject({ ...asked, headers: { origin: ui.replace("localhost", "127.0.0.1") } });
  expect(otherName.statusCode).toBe(200);

  const encoded = await server.inject({ ...asked, url: "/codec/encode", payload: { payloads: [clear] } });
  expect(encoded.json<{ payloads: { data: string }[] }>().payloads[0]?.data).not.toBe(clear.data);
  expect((await server.inject({ ...asked, payload: encoded.json<object>() })).json()).toEqual({ payloads: [clear] });

  const preflight = await server.inject({
    method: "OPTIONS",
    url: "/codec/decode",
    headers: {
      origin: ui,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,x-namespace",
    },
  });
  expect(preflight.statusCode).toBe(204);
  expect(preflight.headers).toMatchObject({
    "access-control-allow-origin": ui,
    "access-control-allow-headers": expect.stringContaining("x-namespace"),
  });
  await server.close();
});

test("a web page of another origin gets nothing decrypted", async () => {
  const server = await testServer({ payloadKey, env: { TEMPORAL_UI_URL: ui } });
  for (const origin of ["https://evil.example", "null", `${ui}.evil.example`]) {
    for (const method of ["POST", "OPTIONS"] as const) {
      const answer = await server.inject({
        method,
        url: "/codec/decode",
        headers: { origin },
        ...(method === "POST" ? { payload: { payloads: [await sealed()] } } : {}),
      });
      expect(answer.statusCode).toBe(403);
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    }
  }
  await server.close();
});

test("reachable from elsewhere, or behind a proxy, it takes the token of an admin or operator", async () => {
  for (const reachable of [{ host: "0.0.0.0" }, { trustedProxies: ["127.0.0.1"] }]) {
    const server = await testServer({ payloadKey, env: { TEMPORAL_UI_URL: ui }, ...reachable });
    const decode = async (headers: Record<string, string>) =>
      (await server.inject({ method: "POST", url: "/codec/decode", headers, payload: { payloads: [clear] } }))
        .statusCode;
    expect(await decode({})).toBe(401);
    expect(await decode(await bearer({ role: "analyst" }))).toBe(403);
    expect(await decode(await bearer({ role: "operator" }))).toBe(200);
    await server.close();
  }
});

test("without a key there is no codec, and with another key it says only that it cannot", async () => {
  const ask = async (key: KeyRing | null) => {
    const server = await testServer({ payloadKey: key });
    const answer = await server.inject({
      method: "POST",
      url: "/codec/decode",
      payload: { payloads: [await sealed()] },
    });
    await server.close();
    return answer;
  };
  expect((await ask(null)).statusCode).toBe(404);
  expect((await ask(keyRing(randomBytes(32)))).json()).toMatchObject({
    error: "validation_error",
    message: 'a payload cannot be read with PAYLOAD_ENCRYPTION_KEY in the namespace "default"',
  });
});
