import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import S3rver from "@20minutes/s3rver";

/** The keys that the mock server accepts. */
export const s3Keys = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

export interface TestS3 {
  endpoint: string;
  put: (key: string, body: string | Uint8Array) => Promise<void>;
  close: () => Promise<void>;
}

/** An S3 server of this test file's own, with one empty bucket. It does not know If-Match, as some do not. */
export async function startS3(bucket: string): Promise<TestS3> {
  const directory = await mkdtemp(path.join(os.tmpdir(), "s3-"));
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    // It signs a prefix with a slash in it otherwise than Amazon does.
    allowMismatchedSignatures: true,
    configureBuckets: [{ name: bucket }],
  });
  const { port } = await server.run();
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials: s3Keys });
  return {
    endpoint,
    put: async (key, body) =>
      void (await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: Buffer.from(body) }))),
    close: async () => {
      client.destroy();
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
