import type { S3Client } from "@aws-sdk/client-s3";
import type { Readable } from "node:stream";
import type { S3Settings } from "../../settings/files.ts";
import { ConnectorError } from "../errors.ts";
import { assertSize, changed, FileProblem, type ListedFile, type OpenedFile } from "./file-places.ts";

/** Loaded when it is needed: it is large, and most have no S3. */
const sdk = () => import("@aws-sdk/client-s3");

interface Place {
  bucket: string;
  key: string;
}

/** Looks at an object; it is read by its ETag, so that both readings are of one version. */
export async function openS3File(
  settings: S3Settings,
  { bucket, key }: Place,
  limits: { maxBytes: number; signal?: AbortSignal },
): Promise<OpenedFile> {
  const name = `s3://${bucket}/${key}`;
  const { HeadObjectCommand } = await sdk();
  const client = await connect(settings);
  const look = async () => {
    const { ETag, ContentLength } = await translated(name, () =>
      client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }), sending(limits.signal)),
    );
    if (ETag === undefined || ContentLength === undefined)
      throw new ConnectorError("malformed", `${name}: the server reports neither size nor ETag`);
    return { etag: ETag, bytes: ContentLength };
  };
  try {
    const opened = await look();
    assertSize(name, opened.bytes, limits.maxBytes);
    return {
      name,
      bytes: opened.bytes,
      identity: `${opened.etag}:${opened.bytes}`,
      read: (signal) => readObject(client, { bucket, key, name, ...opened }, signal),
      async assertUnchanged() {
        const now = await look();
        if (now.etag !== opened.etag || now.bytes !== opened.bytes) throw changed(name);
      },
      close: () => Promise.resolve(client.destroy()),
    };
  } catch (error) {
    client.destroy();
    throw error;
  }
}

const mostListed = 20_000;

/** Objects below a prefix, by key. */
export async function listS3(
  settings: S3Settings,
  { bucket, prefix }: { bucket: string; prefix: string },
  signal?: AbortSignal,
): Promise<{ files: ListedFile[]; more: boolean }> {
  const { ListObjectsV2Command } = await sdk();
  const client = await connect(settings);
  const files: ListedFile[] = [];
  try {
    for (let token: string | undefined; ;) {
      const page = await translated(`s3://${bucket}/${prefix}`, () =>
        client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }),
          sending(signal),
        ),
      );
      for (const { Key, Size, ETag } of page.Contents ?? []) {
        // A "folder" is an empty object whose name ends in a slash.
        if (Key === undefined || Key.endsWith("/") || ETag === undefined) continue;
        files.push({ path: Key, bytes: Size ?? 0, identity: `${ETag}:${Size ?? 0}` });
      }
      token = page.NextContinuationToken;
      if (page.IsTruncated !== true || token === undefined) return { files, more: false };
      if (files.length >= mostListed) return { files, more: true };
    }
  } finally {
    client.destroy();
  }
}

/** The cheapest question that shows whether the server is there and knows the keys; throws what is wrong. */
export async function probeS3(settings: S3Settings, signal: AbortSignal): Promise<void> {
  const { ListBucketsCommand, ListObjectsV2Command } = await sdk();
  const client = await connect(settings);
  const { watch } = settings;
  try {
    if (watch === null) await translated("s3", () => client.send(new ListBucketsCommand({}), sending(signal)));
    else
      await translated(`s3://${watch.bucket}/${watch.prefix}`, () =>
        client.send(
          new ListObjectsV2Command({ Bucket: watch.bucket, Prefix: watch.prefix, MaxKeys: 1 }),
          sending(signal),
        ),
      );
  } finally {
    client.destroy();
  }
}

async function connect({ endpoint, region, keys, forcePathStyle }: S3Settings): Promise<S3Client> {
  const { S3Client } = await sdk();
  return new S3Client({
    region,
    forcePathStyle,
    ...(endpoint === null ? {} : { endpoint }),
    ...(keys === null ? {} : { credentials: keys }),
    // Retrying is Temporal's, where it is seen.
    maxAttempts: 1,
    // Checksums beyond HTTPS's own are Amazon's alone: other servers do not know them.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 30_000 },
  });
}

async function* readObject(
  client: S3Client,
  object: Place & { name: string; etag: string; bytes: number },
  signal?: AbortSignal,
): AsyncIterable<Uint8Array> {
  const { bucket, key, name, etag, bytes } = object;
  const { GetObjectCommand } = await sdk();
  const { Body, ETag } = await translated(name, () =>
    client.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }), sending(signal)),
  );
  // Not every server knows If-Match.
  if (ETag !== etag) throw changed(name);
  if (Body === undefined) throw new ConnectorError("unavailable", `${name}: the server sent nothing`);
  let received = 0;
  try {
    for await (const chunk of Body as Readable as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      received += chunk.length;
      yield chunk;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw new ConnectorError(
      "unavailable",
      `${name}: the transfer broke off after ${received} of ${bytes} bytes${codeOf(error)}`,
    );
  } finally {
    (Body as Readable).destroy();
  }
  if (received !== bytes)
    throw new ConnectorError("unavailable", `${name}: the transfer ended after ${received} of ${bytes} bytes`);
}

/** The SDK's errors carry addresses and headers: only their kind goes on. */
async function translated<Answer>(name: string, send: () => Promise<Answer>): Promise<Answer> {
  try {
    return await send();
  } catch (error) {
    const status = statusOf(error);
    if (status === null) throw new ConnectorError("unavailable", `${name}: the server does not answer${codeOf(error)}`);
    const code = error instanceof Error ? error.name : "";
    if (status === 404)
      throw new FileProblem("place", `there is no ${name}${code === "NoSuchBucket" ? ": no such bucket" : ""}`);
    if (status === 412) throw changed(name);
    if (status === 301 || status === 307 || code === "PermanentRedirect")
      throw new ConnectorError("rejected", `${name}: the bucket is in another region: set S3_REGION`);
    if (status === 401 || status === 403)
      throw new ConnectorError(
        "unauthorized",
        `${name}: the server refuses (${status}): check S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and that the key may read the bucket`,
      );
    if (status === 429 || status === 503) throw new ConnectorError("rate_limited", `${name}: the server asks to wait`);
    if (status >= 400 && status < 500)
      throw new ConnectorError("rejected", `${name}: the server answers ${status} ${code}`);
    throw new ConnectorError("unavailable", `${name}: the server answers ${status}`);
  }
}

const sending = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { abortSignal: signal });

/** The status of an answer; null when there was none. */
function statusOf(error: unknown): number | null {
  const { $metadata } = (error ?? {}) as { $metadata?: { httpStatusCode?: number } };
  return $metadata?.httpStatusCode ?? null;
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" ? ` (${code})` : "";
}
