import { spawn, spawnSync, type ChildProcess, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { CreateStreamCommand, KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { Kafka, logLevel, type Admin, type KafkaConfig, type Producer, type SASLOptions } from "kafkajs";
import { freePorts } from "../../scripts/embedded/process.ts";
import { projectRoot } from "../../settings/environment.ts";

/** Real brokers on loopback: librdkafka's own and franz-go's for Kafka, moto's server for Kinesis. */
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

/** librdkafka's own broker. It has everything in memory, and a partition of it keeps 5 MB at most. */
export async function startKafka(): Promise<KafkaBroker> {
  const child = spawn(python(), [path.join(here(), "kafka.py")], { stdio: ["pipe", "pipe", "ignore"] });
  const { address } = await firstLine(child);
  const { admin, put, disconnect } = await connect({ brokers: [address] });
  return {
    ...{ address, admin, put },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    async stop() {
      child.kill("SIGCONT");
      await disconnect();
      await end(child);
    },
  };
}

interface Started {
  address: string;
  /** Of a broker with TLS: what is to be trusted. */
  certificate: string;
}

async function firstLine(child: ChildProcessByStdio<Writable, Readable, null>): Promise<Started> {
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    once(child, "exit").then(() => Promise.reject(new Error("the broker of Kafka did not start"))),
  ])) as [string];
  return JSON.parse(line) as Started;
}

async function connect(config: KafkaConfig) {
  const kafka = new Kafka({ clientId: "bench", logLevel: logLevel.NOTHING, ...config });
  const admin = kafka.admin();
  const producer: Producer = kafka.producer({
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
  });
  await Promise.all([admin.connect(), producer.connect()]);
  const put: KafkaBroker["put"] = async (topic, partition, values) => {
    for (let at = 0; at < values.length; at += 5_000)
      await producer.send({ topic, messages: values.slice(at, at + 5_000).map((value) => ({ value, partition })) });
  };
  return { admin, put, disconnect: () => Promise.allSettled([admin.disconnect(), producer.disconnect()]) };
}

export interface KeptKafkaOptions {
  tls?: boolean;
  login?: { mechanism: "plain" | "scram-sha-256" | "scram-sha-512"; username: string; password: string };
}

export interface KeptKafkaBroker extends KafkaBroker {
  certificate: string;
  /** Kills it; `comeBack` starts it again with all that it had acknowledged, at the same address. */
  kill: () => Promise<void>;
  comeBack: () => Promise<void>;
}

const partitionsOfTopic = 4;

/** A broker that keeps its messages in a folder: franz-go's, built once by Go into .signal-room/. */
export async function startKeptKafka({ tls = false, login }: KeptKafkaOptions = {}): Promise<KeptKafkaBroker> {
  const program = keptKafka();
  const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-broker-"));
  const [port = 0] = await freePorts(1);
  const start = async () => {
    const mechanism = login?.mechanism.toUpperCase();
    const options = { folder, port, tls, login: login === undefined ? null : { ...login, mechanism } };
    const child = spawn(program, [JSON.stringify(options)], { stdio: ["pipe", "pipe", "ignore"] });
    return { child, ...(await firstLine(child)) };
  };
  const started = await start();
  const { address, certificate } = started;
  let { child } = started;
  const { admin, put, disconnect } = await connect({
    brokers: [address],
    ...(tls ? { ssl: { ca: [certificate] } } : {}),
    ...(login === undefined ? {} : { sasl: login as SASLOptions }),
  });
  const known = new Set<string>();
  return {
    ...{ address, certificate, admin },
    async put(topic, partition, values) {
      // One that its first message makes is not in the folder.
      if (!known.has(topic)) await admin.createTopics({ topics: [{ topic, numPartitions: partitionsOfTopic }] });
      known.add(topic);
      await put(topic, partition, values);
    },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    kill: () => end(child),
    comeBack: async () => void ({ child } = await start()),
    async stop() {
      child.kill("SIGCONT");
      await disconnect();
      await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function keptKafka(): string {
  const program = path.join(projectRoot(), ".signal-room/brokers/kept");
  const { status, stderr, error } = spawnSync("go", ["build", "-trimpath", "-o", program, "."], {
    cwd: path.join(here(), "kept"),
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the broker could not be built: ${error?.message ?? stderr}`);
  return program;
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
