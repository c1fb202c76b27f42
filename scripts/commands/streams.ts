import { z } from "zod";
import { recordAudit } from "../../queries/ops/audit.ts";
import { movePartitions } from "../../queries/streams/claims.ts";
import { findStream, identifyStream, redeclareStream } from "../../queries/streams/declared.ts";
import { readPartitions } from "../../queries/streams/progress.ts";
import { inTransaction } from "../../schema/database.ts";
import { commandLineActor } from "../shared/audit.ts";
import {
  anyClientOption,
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  work,
  type CommandContext,
} from "../shared/command-line.ts";
import { table } from "../shared/printing.ts";

const streamOption = ["--stream <name>", "the topic, such as kafka/performance"] as const;

const list = defineCommand(
  "list",
  "Shows each partition: up to where it is stored, who reads it, and how far it is behind. Exits 1 when one is held.",
  ["npm run streams -- list", "npm run streams -- list --stream kafka/performance --json"],
)
  .option(...anyClientOption)
  .option(...streamOption);

list.action(
  work(z.object({ client: z.string().optional(), stream: z.string().optional() }), async (context, options) => {
    const client = options.client === undefined ? undefined : context.client(options.client);
    const partitions = await readPartitions(await context.database(), { client, stream: options.stream });
    const rows = partitions.map((one) => [
      one.client,
      one.stream,
      one.combine,
      one.partition,
      one.position,
      one.messages,
      one.lag,
      Math.round(one.waitingSeconds),
      one.isFinished ? "finished" : (one.held ?? one.owner ?? "no consumer"),
    ]);
    return {
      exitCode: partitions.some(({ held }) => held !== null) ? exitCodes.found : exitCodes.fine,
      document: { partitions },
      lines:
        rows.length === 0
          ? ["no topic has been read: STREAMS names them, and npm run consume reads them"]
          : table(
              ["client", "topic", "combine", "partition", "position", "messages", "behind", "waits (s)", "read by"],
              rows,
            ),
    };
  }),
);

const seek = defineCommand(
  "seek",
  "Says where reading goes on, also of a topic that is held: at the beginning, or at an offset (Kafka) or behind a sequence number (Kinesis). Whoever reads it meanwhile stores no more of it, and takes it again.",
  [
    "npm run streams -- seek --stream kafka/performance --to beginning",
    "npm run streams -- seek --stream kafka/performance --partition 3 --to 1200",
  ],
)
  .option(...clientOption)
  .requiredOption(...streamOption)
  .option("--partition <id>", "only this partition, or this shard; all of the topic when left out")
  .requiredOption("--to <place>", "beginning, or a place in the one partition that is named");

seek.action(
  work(
    z.object({
      client: z.string().optional(),
      stream: z.string(),
      partition: z.string().optional(),
      to: z.string().regex(/^(beginning|\d{1,128})$/, "must be beginning, an offset or a sequence number"),
    }),
    async (context, { client: named, stream, partition = null, to }) => {
      const client = context.client(named);
      if (to !== "beginning" && partition === null)
        throw new CommandError(exitCodes.usage, "--to a place needs --partition: each has places of its own");
      await known(context, { client, stream });
      const moved = await inTransaction(await context.database(), async (session) => {
        const partitions = await movePartitions(session, {
          ...{ client, stream, partition, to: to === "beginning" ? null : to },
        });
        // A stream of Kinesis that was made again is taken for what it is now.
        if (partition === null) await identifyStream(session, { client, stream, identity: null });
        await recordAudit(session, {
          ...commandLineActor(),
          client,
          action: "stream_moved",
          subject: stream,
          details: { to, partitions },
        });
        return partitions;
      });
      if (moved.length === 0) throw new CommandError(exitCodes.usage, `${stream} has no partition ${partition ?? ""}`);
      return {
        document: { moved },
        lines: moved.map(
          (one) =>
            `partition ${one.partition}: from ${one.before ?? "the beginning"} to ${one.after ?? "the beginning"}`,
        ),
      };
    },
  ),
);

const accept = defineCommand(
  "accept",
  "Takes what STREAMS says of a topic for what it means from now on, where it was read otherwise before: replaced instead of added, or added instead of replaced. What is stored stays.",
  ["npm run streams -- accept --stream kafka/performance"],
)
  .option(...clientOption)
  .requiredOption(...streamOption);

accept.action(
  work(z.object({ client: z.string().optional(), stream: z.string() }), async (context, { client: named, stream }) => {
    const client = context.client(named);
    const before = await known(context, { client, stream });
    const declared = context.config.streams.clients.get(client)?.declared.find(({ name }) => name === stream);
    if (declared === undefined)
      throw new CommandError(exitCodes.usage, `STREAMS of client ${client} does not name ${stream}`);
    const after = { combine: declared.combine, eventField: declared.eventId };
    await inTransaction(await context.database(), async (session) => {
      await redeclareStream(session, { client, stream, ...after });
      await recordAudit(session, {
        ...commandLineActor(),
        client,
        action: "stream_accepted",
        subject: stream,
        details: { before: { combine: before.combine, eventField: before.eventField }, after },
      });
    });
    return {
      document: { before, after },
      lines: [`${stream}: ${before.combine} before, ${after.combine} from now on`],
    };
  }),
);

async function known(context: CommandContext, of: { client: string; stream: string }) {
  const found = await findStream(await context.database(), of);
  if (found === null)
    throw new CommandError(
      exitCodes.usage,
      `client ${of.client} has read no topic ${of.stream}: npm run streams -- list shows them`,
    );
  return found;
}

const command = defineCommand(
  "streams",
  "Topics of Kafka and streams of Kinesis: how far they are read, and where reading goes on.",
  ["npm run streams -- list", "npm run streams -- seek --stream kafka/performance --to beginning"],
);

await runCommand(command.addCommand(list).addCommand(seek).addCommand(accept));
