import type { KinesisClient } from "@aws-sdk/client-kinesis";
import type { KinesisSettings } from "../../settings/streams.ts";
import { ConnectorError } from "../errors.ts";
import type { ReadMessages } from "./shapes.ts";

/** Loaded when it is needed: it is large, and most have no Kinesis. */
const sdk = () => import("@aws-sdk/client-kinesis");

export interface Shard {
  id: string;
  /** The shards that it was split from, or merged of. */
  parents: string[];
}

export interface ReadShard extends ReadMessages {
  /** How far the last of these is behind the end of the shard. */
  behindMs: number;
  /** Null when the shard has ended with these. */
  iterator: string | null;
}

/** Asked for at once; a shard gives at most ten megabytes. */
const recordsAtOnce = 5_000;

/** A stream of Kinesis. */
export interface KinesisStream {
  /** Tells it from one that had its name before. */
  identity(signal: AbortSignal): Promise<string>;
  shards(signal: AbortSignal): Promise<Shard[]>;
  /** Where reading begins: behind a sequence number, or at the oldest record. */
  iterator(shard: string, after: string | null, signal: AbortSignal): Promise<string>;
  read(iterator: string, after: string | null, signal: AbortSignal): Promise<ReadShard>;
  close(): void;
}

export async function openKinesis(settings: KinesisSettings, name: string): Promise<KinesisStream> {
  const { KinesisClient, DescribeStreamSummaryCommand, GetRecordsCommand, GetShardIteratorCommand, ListShardsCommand } =
    await sdk();
  const { NodeHttpHandler } = await import("@smithy/node-http-handler");
  const { endpoint, region, keys } = settings;
  const client: KinesisClient = new KinesisClient({
    region,
    ...(endpoint === null ? {} : { endpoint }),
    ...(keys === null ? {} : { credentials: keys }),
    maxAttempts: 1,
    // Its own choice is HTTP/2, which mock servers do not speak.
    requestHandler: new NodeHttpHandler({ connectionTimeout: 10_000, requestTimeout: 30_000 }),
  });
  const sending = (signal: AbortSignal) => ({ abortSignal: AbortSignal.any([signal, AbortSignal.timeout(60_000)]) });
  return {
    async identity(signal) {
      const { StreamDescriptionSummary: found } = await translated(name, () =>
        client.send(new DescribeStreamSummaryCommand({ StreamName: name }), sending(signal)),
      );
      return found?.StreamCreationTimestamp?.toISOString() ?? "unknown";
    },
    async shards(signal) {
      const shards: Shard[] = [];
      for (let token: string | undefined; ;) {
        const page = await translated(name, () =>
          client.send(
            new ListShardsCommand(token === undefined ? { StreamName: name } : { NextToken: token }),
            sending(signal),
          ),
        );
        for (const { ShardId, ParentShardId, AdjacentParentShardId } of page.Shards ?? [])
          if (ShardId !== undefined)
            shards.push({
              id: ShardId,
              parents: [ParentShardId, AdjacentParentShardId].filter((parent) => parent !== undefined),
            });
        token = page.NextToken;
        if (token === undefined) return shards;
      }
    },
    async iterator(shard, after, signal) {
      const from =
        after === null
          ? ({ ShardIteratorType: "TRIM_HORIZON" } as const)
          : ({ ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: after } as const);
      const { ShardIterator } = await translated(`${name}/${shard}`, () =>
        client.send(new GetShardIteratorCommand({ StreamName: name, ShardId: shard, ...from }), sending(signal)),
      );
      if (ShardIterator === undefined) throw new ConnectorError("malformed", `${name}/${shard}: no iterator was given`);
      return ShardIterator;
    },
    async read(iterator, after, signal) {
      const {
        Records = [],
        NextShardIterator,
        MillisBehindLatest = 0,
      } = await translated(name, () =>
        client.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: recordsAtOnce }), sending(signal)),
      );
      const messages = Records.map(({ SequenceNumber, Data, ApproximateArrivalTimestamp }) => {
        if (SequenceNumber === undefined) throw new ConnectorError("malformed", `${name}: a record has no number`);
        return {
          position: SequenceNumber,
          value: Data === undefined ? null : Buffer.from(Data),
          at: ApproximateArrivalTimestamp ?? null,
        };
      });
      return {
        messages,
        next: messages.at(-1)?.position ?? after ?? "",
        behindMs: MillisBehindLatest,
        iterator: NextShardIterator ?? null,
      };
    },
    close: () => client.destroy(),
  };
}

/** By the service's own names of errors. */
async function translated<Result>(place: string, ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (error) {
    const name = error instanceof Error ? error.name : "unknown";
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    const says = (kind: ConstructorParameters<typeof ConnectorError>[0]) =>
      new ConnectorError(kind, `${place}: Kinesis answered ${name}${status === undefined ? "" : ` (${status})`}`, {
        code: name,
      });
    if (/Throughput|LimitExceeded|Throttl/.test(name)) throw says("rate_limited");
    if (/AccessDenied|UnrecognizedClient|InvalidClientToken|SignatureDoesNotMatch|CredentialsProvider/.test(name))
      throw says("unauthorized");
    if (status !== undefined && status >= 400 && status < 500) throw says("rejected");
    throw says("unavailable");
  }
}
