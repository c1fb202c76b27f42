import { z } from "zod";
import { about } from "../core/about-setting.ts";
import { describeIssues } from "../core/typed.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, list, onOff, wholeNumber } from "./shapes.ts";

const declared = z
  .array(
    z.strictObject({
      /** A topic of Kafka or a stream of Kinesis. */
      kafka: z.string().min(1).max(249).optional(),
      kinesis: z.string().min(1).max(128).optional(),
      mapping: z.string().min(1).max(300).default("document"),
      combine: z.enum(["replace", "add"]).default("replace"),
      eventId: z.string().min(1).max(200).optional(),
    }),
  )
  .max(50);

const general = z.object({
  STREAMS_FLUSH_SECONDS: wholeNumber(1, 300)
    .default(5)
    .meta(
      about("Messages are stored at the latest so long after they were read: each time is a receipt.", {
        unit: "seconds",
      }),
    ),
  STREAMS_FLUSH_BYTES: wholeNumber(65_536, 67_108_864)
    .default(4_194_304)
    .meta(
      about("So many bytes of one partition are stored at once, and no more are kept in memory.", { unit: "bytes" }),
    ),
  STREAMS_LAG_MINUTES: wholeNumber(1, 10_080)
    .default(15)
    .meta(
      about("An alert is raised when messages have waited so long, or no consumer has looked for them so long.", {
        unit: "minutes",
      }),
    ),
  STREAMS_EVENTS_DAYS: wholeNumber(1, 3_650)
    .default(30)
    .meta(
      about(
        "How long the ids of events are remembered that were added: at least as long as the broker keeps messages, and as a sender might send one again.",
        { unit: "days" },
      ),
    ),
});

const ofClient = z.object({
  STREAMS: z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue("must be a list in JSON");
        return z.NEVER;
      }
    })
    .transform((json, context) => {
      const read = declared.safeParse(json);
      if (read.success) return read.data;
      for (const issue of describeIssues(read.error, "STREAMS")) context.addIssue(issue);
      return z.NEVER;
    })
    .optional()
    .meta(
      about("The topics that are read, as a list in JSON: docs/streams.md says what each can say.", {
        clients: "own",
        unset: "none is read",
        example: `[{"kafka":"performance","mapping":"document"}]`,
      }),
    ),
  KAFKA_BROKERS: list.optional().meta(
    about("The brokers that are asked first, separated by commas.", {
      clients: "shared",
      example: "kafka-1.example.net:9093,kafka-2.example.net:9093",
    }),
  ),
  KAFKA_GROUP: z
    .string()
    .min(1)
    .max(200)
    .default("signal-room")
    .meta(
      about("What the consumer groups are called; the client's id and the topic are put behind it.", {
        clients: "shared",
      }),
    ),
  KAFKA_TLS: onOff
    .default("on")
    .meta(about("off speaks to the brokers in clear, password and all.", { clients: "shared" })),
  KAFKA_CA_FILE: z
    .string()
    .optional()
    .meta(
      about("A file with the certificate that signed the brokers', in PEM.", {
        clients: "shared",
        unset: "the authorities that Node trusts",
      }),
    ),
  KAFKA_SASL_MECHANISM: z
    .enum(["plain", "scram-sha-256", "scram-sha-512"], { error: "must be plain, scram-sha-256 or scram-sha-512" })
    .default("scram-sha-512")
    .meta(about("How the password is shown to the brokers.", { clients: "shared" })),
  KAFKA_SASL_USERNAME: z
    .string()
    .optional()
    .meta(about("The name that may read the topics.", { clients: "own", unset: "no login" })),
  KAFKA_SASL_PASSWORD: z
    .string()
    .optional()
    .meta(about("Its password.", { clients: "own", secret: true })),
  KINESIS_ENDPOINT: z
    .string()
    .refine((text) => /^https?:\/\//.test(text) && URL.canParse(text), "must be an address, http:// or https://")
    .optional()
    .meta(about("Where Kinesis is.", { clients: "shared", unset: "Amazon's own" })),
  KINESIS_REGION: z
    .string()
    .default("us-east-1")
    .meta(about("The region of the streams.", { clients: "shared" })),
  KINESIS_ACCESS_KEY_ID: z
    .string()
    .optional()
    .meta(about("The id of the key that may read them.", { clients: "own", unset: "a role, or AWS_... variables" })),
  KINESIS_SECRET_ACCESS_KEY: z
    .string()
    .optional()
    .meta(about("The key.", { clients: "own", secret: true })),
});

export const streamsArea = defineArea({
  title: "Streams of ad performance",
  needs: "consumer, worker, API",
  shape: general.extend(ofClient.shape),
});

/** A topic, and what its messages mean. */
export interface DeclaredStream {
  client: string;
  /** `kafka/performance`: how it is called in tables, alerts and commands. */
  name: string;
  kind: "kafka" | "kinesis";
  topic: string;
  /** How its messages are read: a mapping of files. */
  mapping: string;
  /** The last message of a key wins, or messages are added. */
  combine: "replace" | "add";
  /** The field that tells events apart; null where nothing is added. */
  eventId: string | null;
}

export interface KafkaSettings {
  brokers: string[];
  group: string;
  tls: { caFile: string | null } | null;
  sasl: { mechanism: "plain" | "scram-sha-256" | "scram-sha-512"; username: string; password: string } | null;
}

export interface KinesisSettings {
  /** Null: Amazon's own. */
  endpoint: string | null;
  region: string;
  /** Null: as the machine is set up. */
  keys: { accessKeyId: string; secretAccessKey: string } | null;
}

export interface ClientStreams {
  declared: DeclaredStream[];
  /** Null where no brokers are named. */
  kafka: KafkaSettings | null;
  kinesis: KinesisSettings;
}

export interface StreamSettings {
  flushMs: number;
  flushBytes: number;
  lagMinutes: number;
  eventsDays: number;
  clients: Map<string, ClientStreams>;
}

/** Which topics are read, and how. */
export function readStreamSettings(reader: SettingsReader): StreamSettings {
  const values = reader.values(general);
  return {
    flushMs: values.STREAMS_FLUSH_SECONDS * 1_000,
    flushBytes: values.STREAMS_FLUSH_BYTES,
    lagMinutes: values.STREAMS_LAG_MINUTES,
    eventsDays: values.STREAMS_EVENTS_DAYS,
    clients: new Map(reader.clients.map((client) => [client, readClient(reader, client)])),
  };
}

function readClient(reader: SettingsReader, client: string): ClientStreams {
  const values = reader.valuesOf(client, ofClient);
  const problem = (what: string) => reader.problem(`${reader.nameFor(client, "STREAMS", "own")}: ${what}`);
  const streams = (values.STREAMS ?? []).flatMap((stream): DeclaredStream[] => {
    const { kafka, kinesis, mapping, combine, eventId } = stream;
    const topic = kafka ?? kinesis;
    if (topic === undefined || (kafka !== undefined && kinesis !== undefined)) {
      problem("each names either a topic of kafka or a stream of kinesis");
      return [];
    }
    const kind = kafka === undefined ? "kinesis" : "kafka";
    const name = `${kind}/${topic}`;
    if (combine === "add" && eventId === undefined)
      problem(`${name} adds, so it must say which field is the eventId: a message that comes twice is known by it`);
    if (combine === "replace" && eventId !== undefined) problem(`${name} has an eventId and does not add`);
    return [{ client, name, kind, topic, mapping, combine, eventId: eventId ?? null }];
  });
  const names = streams.map(({ name }) => name);
  for (const name of new Set(names.filter((one, index) => names.indexOf(one) !== index)))
    problem(`${name} is there twice`);
  if (streams.some(({ kind }) => kind === "kafka") && values.KAFKA_BROKERS === undefined)
    reader.problem("KAFKA_BROKERS is missing: STREAMS names a topic of kafka");
  return { declared: streams, kafka: readKafka(reader, client, values), kinesis: readKinesis(reader, values) };
}

type ClientValues = z.infer<typeof ofClient>;

function readKafka(reader: SettingsReader, client: string, values: ClientValues): KafkaSettings | null {
  const { KAFKA_BROKERS: brokers, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = values;
  if ((username === undefined) !== (password === undefined))
    reader.problem("KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD go together: set both or neither");
  if (brokers === undefined) return null;
  const isLoggedIn = username !== undefined && password !== undefined;
  return {
    brokers,
    group: `${values.KAFKA_GROUP}-${client}`,
    tls: values.KAFKA_TLS === "on" ? { caFile: values.KAFKA_CA_FILE ?? null } : null,
    sasl: isLoggedIn ? { mechanism: values.KAFKA_SASL_MECHANISM, username, password } : null,
  };
}

function readKinesis(reader: SettingsReader, values: ClientValues): KinesisSettings {
  const { KINESIS_ACCESS_KEY_ID: accessKeyId, KINESIS_SECRET_ACCESS_KEY: secretAccessKey } = values;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    reader.problem("KINESIS_ACCESS_KEY_ID and KINESIS_SECRET_ACCESS_KEY go together: set both or neither");
  return {
    endpoint: values.KINESIS_ENDPOINT ?? null,
    region: values.KINESIS_REGION,
    keys: accessKeyId === undefined || secretAccessKey === undefined ? null : { accessKeyId, secretAccessKey },
  };
}
