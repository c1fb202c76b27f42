import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { CreateStreamCommand, KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { Kafka, logLevel, type Admin, type Producer } from "kafkajs";
import { freePorts } from "../../scripts/embedded/process.ts";
import { projectRoot } from "../../settings/environment.ts";

/** Real brokers on loopback, from PyPI: librdkafka's own for Kafka, moto's server for Kinesis. */
const here = () => path.join(projectRoot(), "bench/brokers");

/** A Python that has them; made once, in .signal-room/, where none is named. */
function python(): string {
  const named = process.env["BROKERS_PYTHON"];
  if (named !== undefined && named !== "") return named;
  const folder = path.join(projectRoot(), ".signal-room/brokers");
  const found = path.join(folder, "bin/python");
  if (existsSync(path.join(folder, "bin/moto_server"))) return found;
  for (const [command, ...rest] of [
    ["python3", "-m", "venv", folder],
    [found, "-m", "pip", "install", "--quiet", "--requirement", path.join(here(), "requirements.txt")],
  ]) {
    const { status, stderr } = spawnSync(command ?? "", rest, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${[command, ...rest].join(" ")} failed: ${stderr}`);
  }
  return found;
}

export interface KafkaBroker {
  address: string;
  admin: Admin;
  /** Puts values into a partition, in their order. A topic is made by its first message, with four partitions. */
  put: (topic: string, partition: number, values: readonly (string | Buffer | null)[]) => Promise<void>;
  /** Stops answering, and goes on. */
  freeze: () => void;
  thaw: () => void;
  stop: () => Promise<void>;
}

export async function startKafka(): Promise<KafkaBroker> {
  const child = spawn(python(), [path.join(here(), "kafka.py")], { stdio: ["pipe", "pipe", "ignore"] });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    once(child, "exit").then(() => Promise.reject(new Error("the broker of Kafka did not start"))),
  ])) as [string];
  const { address } = JSON.parse(line) as { address: string };
  const kafka = new Kafka({ clientId: "bench", brokers: [address], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer: Producer = kafka.producer({
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
  });
  await Promise.all([admin.connect(), producer.connect()]);
  return {
    address,
    admin,
    async put(topic, partition, values) {
      for (let at = 0; at < values.length; at += 5_000)
        await producer.send({
          topic,
          messages: values.slice(at, at + 5_000).map((value) => ({ value, partition })),
        });
    },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    async stop() {
      child.kill("SIGCONT");
      await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
      await end(child);
    },
  };
}

export interface KinesisBroker {
  address: string;
  client: KinesisClient;
  create: (stream: string, shards: number) => Promise<void>;
  /** Puts values into the shard that a key leads to, in their order. */
  put: (stream: string, key: string, values: readonly (string | Buffer)[]) => Promise<void>;
  freeze: () => void;
  thaw: () => void;
  stop: () => Promise<void>;
}

export const kinesisSettings = (address: string) => ({
  KINESIS_ENDPOINT: address,
  KINESIS_ACCESS_KEY_ID: "sandbox",
  KINESIS_SECRET_ACCESS_KEY: "sandbox-secret",
});

export async function startKinesis(): Promise<KinesisBroker> {
  const [port = 0] = await freePorts(1);
  const address = `http://127.0.0.1:${port}`;
  const server = path.join(path.dirname(python()), "moto_server");
  const child = spawn(server, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const answers = () =>
    fetch(`${address}/moto-api/`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error("the server of Kinesis did not start");
    await wait(100);
  }
  const client = new KinesisClient({
    endpoint: address,
    region: "us-east-1",
    credentials: { accessKeyId: "sandbox", secretAccessKey: "sandbox-secret" },
    requestHandler: new NodeHttpHandler(),
  });
  return {
    address,
    client,
    create: async (StreamName, ShardCount) =>
      void (await client.send(new CreateStreamCommand({ StreamName, ShardCount }))),
    async put(StreamName, PartitionKey, values) {
      for (let at = 0; at < values.length; at += 500)
        await client.send(
          new PutRecordsCommand({
            StreamName,
            Records: values.slice(at, at + 500).map((value) => ({ PartitionKey, Data: Buffer.from(value) })),
          }),
        );
    },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    async stop() {
      client.destroy();
      await end(child);
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
