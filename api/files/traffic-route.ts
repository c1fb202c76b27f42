import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { sha256 } from "../../core/crypto.ts";
import { allow, callerOf } from "../server/access.ts";
import { word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { acceptUpload } from "./accept-upload.ts";
import { answerUpload } from "./answer-upload.ts";
import { done, idempotencyKey, underWay } from "./import-shapes.ts";
import type { ReceivedFile } from "./receive-upload.ts";
import { diskProblem, folderOf, partial, type UploadPlace } from "./upload-folder.ts";

const mostItems = 5_000;
const mapping = "rtb-traffic";

const item = z
  .strictObject({
    timestamp: word.describe("when the requests began to come: with an offset, or by the clock of RTB_REPORT_TIMEZONE"),
    size: word.describe("as it was asked for: 300x250, Native, Video, Interstitial"),
    format: word.nullable().optional(),
    geo: word.nullable().optional().describe("a country's two letters"),
    deviceType: word.nullable().optional(),
    requests: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
    qps: z.number().min(0).max(1e9).optional().describe("requests a second, where they are not counted"),
    seconds: z.number().int().min(1).max(86_400).default(3_600).describe("how long the item is about"),
  })
  .refine(({ requests, qps }) => (requests === undefined) !== (qps === undefined), {
    path: ["requests"],
    error: "an item has requests or qps, and not both",
  });
type Item = z.infer<typeof item>;

/** Takes a bidder's own traffic as a file of it would be taken: with a receipt, and what is rejected in the quarantine. */
export function trafficRoute(api: Api, parts: ServerParts, place: UploadPlace): void {
  api.post(
    "/traffic",
    {
      config: allow("admin", "operator"),
      schema: {
        tags: ["performance files"],
        summary: "Takes bid requests by size, as the bidder counts them",
        description:
          "No report of Google's has bid requests by size. Of one seat, moment, size, format, country and device the later item counts: everything can be sent again, and the same again changes nothing. The answer comes with the request if it is done within five seconds; else 202 and an import to follow.",
        headers: idempotencyKey,
        body: z.strictObject({
          buyerId: word.trim().optional().describe("the seat; without it RTB_BUYER_ID, or the client's only one"),
          items: z.array(item).min(1).max(mostItems),
        }),
        response: { 200: done, 202: underWay },
      },
    },
    async (request, reply) => {
      const { client, subject } = callerOf(request);
      const { buyerId, items } = request.body;
      const received = await receiveItems(place, client, items);
      const { record } = await acceptUpload(received, place, {
        client,
        by: subject,
        mapping,
        constants: buyerId === undefined ? undefined : { buyer_id: buyerId },
        force: false,
        idempotencyKey: (request.headers["idempotency-key"] as string | undefined) ?? null,
        now: new Date(),
      });
      const { code, body } = await answerUpload(parts, record, request.log);
      return code === 200 ? reply.code(200).send(body) : reply.code(202).send(body);
    },
  );
}

/** The items as a file of JSON: the same items are the same bytes. */
async function receiveItems(
  { importDir }: Pick<UploadPlace, "importDir">,
  client: string,
  items: readonly Item[],
): Promise<ReceivedFile> {
  const folder = folderOf(importDir, client);
  const bytes = Buffer.from(`[\n${items.map((one) => JSON.stringify(rowOf(one))).join(",\n")}\n]\n`);
  const file = path.join(folder, `.${randomUUID()}${partial}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o750 });
    await writeFile(file, bytes, { flag: "wx", mode: 0o640, flush: true });
  } catch (error) {
    await rm(file, { force: true });
    throw diskProblem(error);
  }
  return { path: file, fileName: "traffic.json", contentHash: sha256(bytes), bytes: bytes.length, isGzip: false };
}

/** All of the mapping's fields, in its names. */
const rowOf = ({ timestamp, size, format, geo, deviceType, requests, qps, seconds }: Item) => ({
  timestamp,
  size,
  format: format ?? null,
  geo: geo ?? null,
  device_type: deviceType ?? null,
  requests: requests ?? null,
  qps: qps ?? null,
  seconds,
});
