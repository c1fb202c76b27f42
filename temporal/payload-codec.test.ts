import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { defaultPayloadConverter, type Payload } from "@temporalio/common";
import { createPayloadCodec } from "./payload-codec.ts";

const key = randomBytes(32);
const codec = createPayloadCodec(key);
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
  await expect(createPayloadCodec(randomBytes(32)).decode([sealed])).rejects.toThrow(
    /another key \([0-9a-f]{8}\) than PAYLOAD_ENCRYPTION_KEY \([0-9a-f]{8}\)/,
  );
  const data = Buffer.from(sealed.data ?? []);
  data[20] = (data[20] ?? 0) ^ 1;
  await expect(codec.decode([{ ...sealed, data }])).rejects.toThrow();
});

test("a message about another key gives nothing of either key away", async () => {
  const [sealed] = (await codec.encode([payload])) as [Payload];
  const failure = await createPayloadCodec(randomBytes(32))
    .decode([sealed])
    .catch((error: Error) => error.message);
  expect(failure).not.toContain(key.toString("hex").slice(0, 8));
  expect(failure).not.toContain(key.toString("base64").slice(0, 8));
});
