import type { DataConverter, Payload, PayloadCodec } from "@temporalio/common";
import protos from "@temporalio/proto";
import { decrypt, encrypt, sha256 } from "../core/crypto.ts";

const encoding = "binary/encrypted";
const proto = protos.temporal.api.common.v1.Payload;

/** Encrypts everything Temporal stores with AES-256-GCM. A payload in clear, from before, is still read. */
export function createPayloadCodec(key: Buffer): PayloadCodec {
  // Says which key, without saying anything about it.
  const keyId = sha256(key).slice(0, 8);
  const seal = (payload: Payload): Payload => ({
    metadata: { encoding: Buffer.from(encoding), "encryption-key-id": Buffer.from(keyId) },
    data: encrypt(key, proto.encode(payload).finish()),
  });
  const open = (payload: Payload): Payload => {
    if (!payload.data || Buffer.from(payload.metadata?.["encoding"] ?? []).toString() !== encoding) return payload;
    const used = Buffer.from(payload.metadata?.["encryption-key-id"] ?? []).toString();
    if (used !== keyId)
      throw new Error(`a payload was encrypted with another key (${used}) than PAYLOAD_ENCRYPTION_KEY (${keyId})`);
    return proto.decode(decrypt(key, payload.data));
  };
  return {
    encode: (payloads) => Promise.resolve().then(() => payloads.map(seal)),
    decode: (payloads) => Promise.resolve().then(() => payloads.map(open)),
  };
}

/** With a key, messages and stack traces of failures are encrypted too. */
export function dataConverter(key: Buffer | null): DataConverter | undefined {
  return key === null
    ? undefined
    : { payloadCodecs: [createPayloadCodec(key)], failureConverterPath: failureConverterPath() };
}

function failureConverterPath(): string {
  return new URL(import.meta.url).pathname.replace(/payload-codec\.(js|ts)$/, "failure-converter.$1");
}
