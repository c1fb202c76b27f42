import { fileURLToPath } from "node:url";
import type { DataConverter, Payload, PayloadCodec } from "@temporalio/common";
import protos from "@temporalio/proto";
import { decrypt, encrypt, sealingKey, sha256, type KeyRing } from "../core/crypto.ts";

const encoding = "binary/encrypted";
const version = "3";
const proto = protos.temporal.api.common.v1.Payload;

/**
 * Encrypts everything Temporal stores with AES-256-GCM: with the current key, and reads what the previous one wrote.
 * What one namespace holds does not open in another of the same key. A payload in clear, from before, is still read.
 */
export function createPayloadCodec({ current, previous }: KeyRing, namespace: string): PayloadCodec {
  const keys = new Map(
    [current, ...(previous === null ? [] : [previous])].map((key) => [idOf(key), readersOf(key, namespace)]),
  );
  const keyId = idOf(current);
  const writer = sealingKey(current);
  const seal = (payload: Payload): Payload => ({
    metadata: {
      encoding: Buffer.from(encoding),
      "encryption-key-id": Buffer.from(keyId),
      "encryption-version": Buffer.from(version),
    },
    data: encrypt(writer, proto.encode(payload).finish(), contextOf(keyId, namespace)),
  });
  const open = (payload: Payload): Payload => {
    const said = (name: string) => Buffer.from(payload.metadata?.[name] ?? []).toString();
    if (!payload.data || said("encoding") !== encoding) return payload;
    const used = said("encryption-key-id");
    const readers = keys.get(used);
    if (readers === undefined)
      throw new Error(
        `a payload was encrypted with another key (${used}) than PAYLOAD_ENCRYPTION_KEY (${[...keys.keys()].join(", ")})`,
      );
    const read = readers[said("encryption-version")];
    if (read === undefined) throw new Error("a payload was encrypted by a later version");
    return proto.decode(read(payload.data));
  };
  return {
    encode: (payloads) => Promise.resolve().then(() => payloads.map(seal)),
    decode: (payloads) => Promise.resolve().then(() => payloads.map(open)),
  };
}

/** Says which key, without saying anything about it. */
const idOf = (key: Buffer) => sha256(key).slice(0, 8);

/** What a payload says of itself is bound to its content: altered, it does not open. */
const contextOf = (keyId: string, namespace: string) => `payload/${encoding}/${version}/${keyId}/${namespace}`;

/** By what the payload says of its version: the first one said nothing and bound nothing, the second no namespace. */
function readersOf(key: Buffer, namespace: string): Partial<Record<string, (data: Uint8Array) => Buffer>> {
  const derived = sealingKey(key);
  const keyId = idOf(key);
  return {
    "": (data) => decrypt(key, data),
    "2": (data) => decrypt(derived, data, `payload/${encoding}/2/${keyId}`),
    [version]: (data) => decrypt(derived, data, contextOf(keyId, namespace)),
  };
}

/** With a key, messages and stack traces of failures are encrypted too. */
export function dataConverter(keys: KeyRing | null, namespace: string): DataConverter | undefined {
  return keys === null
    ? undefined
    : { payloadCodecs: [createPayloadCodec(keys, namespace)], failureConverterPath: failureConverterPath() };
}

function failureConverterPath(): string {
  return fileURLToPath(import.meta.url).replace(/payload-codec\.(js|ts)$/, "failure-converter.$1");
}
