import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { defaultPayloadConverter, type Payload } from "@temporalio/common";
import protos from "@temporalio/proto";
import { encrypt, keyRing, sealingKey, sha256 } from "../core/crypto.ts";
import { createPayloadCodec } from "./payload-codec.ts";

const key = randomBytes(32);
const codec = createPayloadCodec(keyRing(key), "default");
const payload = defaultPayloadConverter.toPayload({ source: "redtrack.daily_spend" }) as Payload;

const valueOf = (decoded: Payload[]) => decoded.map((one) => defaultPayloadConverter.fromPayload(one));
const text = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString("latin1");

test("what is encoded decodes to itself, and shows neither content nor the same bytes twice", async () => {
  const [one, other] = await codec.encode([payload, payload]);
  expect(text(one?.data)).not.toContain("redtrack");
  expect(text(one?.metadata?.["encoding"])).toBe("binary/encrypted");
  expect(text(one?.data)).not.toBe(text(other?.data));
  expect(valueOf(await codec.decode([one as Payload, other as Payload]))).toEqual([
    { source: "redtrack.daily_spend" },
    { source: "redtrack.daily_spend" },
  ]);
});

test("a payload in clear, from before the key, is read as it is", async () => {
  expect(valueOf(await codec.decode([payload]))).toEqual([{ source: "redtrack.daily_spend" }]);
});

test("another key or a single changed bit is refused", async () => {
  const [sealed] = (await codec.encode([payload])) as [Payload];
  await expect(createPayloadCodec(keyRing(randomBytes(32)), "default").decode([sealed])).rejects.toThrow(
    /another key \([0-9a-f]{8}\) than PAYLOAD_ENCRYPTION_KEY \([0-9a-f]{8}\)/,
  );
  const data = Buffer.from(sealed.data ?? []);
  data[20] = (data[20] ?? 0) ^ 1;
  await expect(codec.decode([{ ...sealed, data }])).rejects.toThrow();
});

test("a message about another key gives nothing of either key away", async () => {
  const [sealed] = (await codec.encode([payload])) as [Payload];
  const failure = await createPayloadCodec(keyRing(randomBytes(32)), "default")
    .decode([sealed])
    .catch((error: Error) => error.message);
  expect(failure).not.toContain(key.toString("hex").slice(0, 8));
  expect(failure).not.toContain(key.toString("base64").slice(0, 8));
});

test("while the key is changed, both are read, and only the current one writes", async () => {
  const next = randomBytes(32);
  const during = createPayloadCodec(keyRing(next, key), "default");
  const [earlier] = (await codec.encode([payload])) as [Payload];
  const [later] = (await during.encode([payload])) as [Payload];
  const both = await during.decode([earlier, later]);
  expect(valueOf(both)).toEqual([{ source: "redtrack.daily_spend" }, { source: "redtrack.daily_spend" }]);
  expect(valueOf(await createPayloadCodec(keyRing(next), "default").decode([later]))).toEqual([
    { source: "redtrack.daily_spend" },
  ]);
  await expect(codec.decode([later])).rejects.toThrow("another key");
  await expect(createPayloadCodec(keyRing(next), "default").decode([earlier])).rejects.toThrow("another key");
});

test("a payload of the first version, under the setting's own bytes and bound to nothing, is still read", async () => {
  const first: Payload = {
    metadata: {
      encoding: Buffer.from("binary/encrypted"),
      "encryption-key-id": Buffer.from(sha256(key).slice(0, 8)),
    },
    data: encrypt(key, protos.temporal.api.common.v1.Payload.encode(payload).finish()),
  };
  for (const keys of [keyRing(key), keyRing(randomBytes(32), key)])
    expect(valueOf(await createPayloadCodec(keys, "default").decode([first]))).toEqual([
      { source: "redtrack.daily_spend" },
    ]);
});

test("a payload of the second version, bound to no namespace, is still read", async () => {
  const keyId = sha256(key).slice(0, 8);
  const second: Payload = {
    metadata: {
      encoding: Buffer.from("binary/encrypted"),
      "encryption-key-id": Buffer.from(keyId),
      "encryption-version": Buffer.from("2"),
    },
    data: encrypt(
      sealingKey(key),
      protos.temporal.api.common.v1.Payload.encode(payload).finish(),
      `payload/binary/encrypted/2/${keyId}`,
    ),
  };
  expect(valueOf(await codec.decode([second]))).toEqual([{ source: "redtrack.daily_spend" }]);
});

test("what one namespace holds does not open in another, though the key is the same", async () => {
  const staging = createPayloadCodec(keyRing(key), "staging");
  const [sealed] = (await codec.encode([payload])) as [Payload];
  await expect(staging.decode([sealed])).rejects.toThrow();
  expect(valueOf(await codec.decode([sealed]))).toEqual([{ source: "redtrack.daily_spend" }]);
});

test("what a payload says of its version and key is bound to it", async () => {
  const other = randomBytes(32);
  const both = createPayloadCodec(keyRing(key, other), "default");
  const [sealed] = (await codec.encode([payload])) as [Payload];
  const saying = (name: string, value: string) => [
    { ...sealed, metadata: { ...sealed.metadata, [name]: Buffer.from(value) } },
  ];
  for (const earlier of ["", "2"]) await expect(both.decode(saying("encryption-version", earlier))).rejects.toThrow();
  await expect(both.decode(saying("encryption-version", "4"))).rejects.toThrow("a later version");
  await expect(both.decode(saying("encryption-key-id", sha256(other).slice(0, 8)))).rejects.toThrow();
});
