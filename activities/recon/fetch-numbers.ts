import { z } from "zod";
import { originOf } from "../../core/origin.ts";
import { typedId } from "../../core/typed.ts";
import type { UnifiedMetrics } from "../../connectors/platforms/platform.ts";
import { keepPartOf } from "../../queries/recon/overlaps.ts";
import { recordFetched } from "../../queries/recon/record-verdict.ts";
import { readPostToFetch, type PostToFetch } from "../../queries/recon/report-to-judge.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { invalidInput } from "../shared/failures.ts";
import { checkedInput } from "../shared/input.ts";
import { askPlatform, clientAccount } from "./ask-platform.ts";
import { id, platformNamed, type ReconContext } from "./context.ts";

export interface FetchPostInput {
  client: string;
  platform: string;
  postId: string;
}

export type FetchedPost =
  | { kind: "metrics"; platformReportId: string; metrics: Omit<UnifiedMetrics, "raw" | "partOf"> }
  | { kind: "not_ready" | "deleted" | "unknown_post"; reason: string };

const shape = z.strictObject({ client: typedId, platform: z.string(), postId: id });

/** Whose queue a post's platform is asked on. */
export async function planFetch(context: ReconContext, input: FetchPostInput): Promise<{ vendor: string }> {
  const of = checkedInput(shape, input);
  const { vendor } = platformNamed(of.platform);
  await read(context, of);
  return { vendor: vendor.name };
}

/** Asks a platform about one post and keeps what it says; nothing is judged by it. */
export async function fetchNumbers(context: ReconContext, of: FetchPostInput): Promise<FetchedPost> {
  const { client, platform, postId } = of;
  const { post, access, affiliateId } = await read(context, of);
  if (post.isShareLink) return { kind: "not_ready", reason: "where the link leads is found out with its first report" };
  const ask = { client, affiliateId, platform: platformNamed(platform), access };
  const asked = await askPlatform(context, ask, post);
  if (asked.kind === "waits") {
    if (asked.error !== null) throw new ConnectorError(asked.error, asked.detail ?? asked.reason, asked);
    throw invalidInput(`client ${client} has no ${platform}: ${asked.detail ?? asked.reason}`);
  }
  const { answer } = asked;
  if (answer.kind !== "metrics") return { kind: answer.kind, reason: answer.reason };
  const { raw, partOf, ...kept } = answer.metrics;
  if (partOf !== undefined) await keepPartOf(context.database, { client, postId, partOf });
  const platformReportId = await recordFetched(context.database, {
    client,
    postId,
    platform,
    reportId: null,
    attempt: null,
    fetched: { ...kept, raw },
    origin: originOf(clientAccount(context, ask)),
  });
  return { kind: "metrics", platformReportId, metrics: kept };
}

async function read({ database }: ReconContext, of: FetchPostInput): Promise<PostToFetch> {
  const found = await readPostToFetch(database, of);
  if (found === null) throw invalidInput(`client "${of.client}" has no post ${of.postId} on ${of.platform}`);
  return found;
}
