import { expect, test } from "@jest/globals";
import { ConfigError, loadConfig } from "./config.ts";

const load = (env: Record<string, string> = {}) =>
  loadConfig({ DATABASE_URL: "postgres://localhost/x", CLIENTS: "713,acme", ...env }, [], []);

function problemsOf(env: Record<string, string>): string {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join("\n");
    throw error;
  }
  return "";
}

const streams = (...declared: object[]) => ({ STREAMS: JSON.stringify(declared), KAFKA_BROKERS: "kafka:9093" });

test("without settings no topic is read", () => {
  const { streams: unset } = load();
  expect(unset).toMatchObject({ flushMs: 5_000, flushBytes: 4_194_304, lagMinutes: 15, eventsDays: 30 });
  expect(unset.clients.get("713")).toEqual({
    declared: [],
    kafka: null,
    kinesis: { endpoint: null, region: "us-east-1", keys: null },
  });
});

test("a topic is replaced by default, and what adds names its event", () => {
  const { streams: read } = load(streams({ kafka: "rows" }, { kinesis: "clicks", combine: "add", eventId: "event" }));
  expect(read.clients.get("713")?.declared).toEqual([
    {
      ...{ client: "713", name: "kafka/rows", kind: "kafka", topic: "rows" },
      ...{ mapping: "document", combine: "replace", eventId: null },
    },
    {
      ...{ client: "713", name: "kinesis/clicks", kind: "kinesis", topic: "clicks" },
      ...{ mapping: "document", combine: "add", eventId: "event" },
    },
  ]);
  expect(read.clients.get("acme")?.declared).toEqual([]);
});

test("what cannot be read is said with the topic and the setting", () => {
  expect(problemsOf({ STREAMS: "rows" })).toMatch(/STREAMS.*must be a list in JSON/);
  expect(problemsOf(streams({ kafka: "rows", topic: "x" }))).toMatch(/STREAMS/);
  expect(problemsOf(streams({}))).toMatch(/either a topic of kafka or a stream of kinesis/);
  expect(problemsOf(streams({ kafka: "rows", kinesis: "rows" }))).toMatch(/either a topic of kafka/);
  expect(problemsOf(streams({ kafka: "rows", combine: "add" }))).toMatch(/kafka\/rows adds.*eventId/);
  expect(problemsOf(streams({ kafka: "rows", eventId: "event" }))).toMatch(/has an eventId and does not add/);
  expect(problemsOf(streams({ kafka: "rows" }, { kafka: "rows" }))).toMatch(/kafka\/rows is there twice/);
  expect(problemsOf({ STREAMS: `[{"kafka":"rows"}]` })).toMatch(/KAFKA_BROKERS is missing/);
  expect(problemsOf({ KAFKA_SASL_USERNAME: "reader" })).toMatch(/go together/);
  expect(problemsOf({ KINESIS_ACCESS_KEY_ID: "id" })).toMatch(/go together/);
  expect(problemsOf({ KINESIS_ENDPOINT: "ftp://here" })).toMatch(/KINESIS_ENDPOINT/);
  expect(problemsOf({ KAFKA_SASL_MECHANISM: "gssapi" })).toMatch(/plain, scram-sha-256 or scram-sha-512/);
});

test("brokers and their certificate are shared; topics, names and passwords are each client's own", () => {
  const { streams: read, secrets } = load({
    KAFKA_BROKERS: "kafka-1:9093, kafka-2:9093",
    KAFKA_CA_FILE: "/etc/kafka/ca.pem",
    KAFKA_SASL_MECHANISM: "scram-sha-256",
    KAFKA_SASL_USERNAME: "reader",
    KAFKA_SASL_PASSWORD: "canary",
    STREAMS_ACME: `[{"kafka":"acme-rows"}]`,
  });
  const [first, acme] = [read.clients.get("713"), read.clients.get("acme")];
  expect(first?.kafka).toEqual({
    brokers: ["kafka-1:9093", "kafka-2:9093"],
    group: "signal-room-713",
    tls: { caFile: "/etc/kafka/ca.pem" },
    sasl: { mechanism: "scram-sha-256", username: "reader", password: "canary" },
  });
  expect(acme?.kafka).toMatchObject({ group: "signal-room-acme", tls: { caFile: "/etc/kafka/ca.pem" }, sasl: null });
  expect(acme?.declared).toMatchObject([{ name: "kafka/acme-rows" }]);
  expect(secrets).toContain("canary");
  expect(load({ KAFKA_BROKERS: "kafka:9092", KAFKA_TLS: "off" }).streams.clients.get("713")?.kafka?.tls).toBeNull();
});
