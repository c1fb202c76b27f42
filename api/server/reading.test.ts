import { stat } from "node:fs/promises";
import { expect, test } from "@jest/globals";
import { unlessGivenUp } from "../../core/deadline.ts";
import type { Database } from "../../schema/database.ts";
import { Unavailable } from "./errors.ts";
import { createReading } from "./reading.ts";

type Answer = (text: string) => Promise<unknown>;
const database = (answer: Answer) => ({ query: ({ text }: { text: string }) => answer(text) }) as unknown as Database;
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const patience = { suspectAfterMs: 40, probeMs: 40, statementMs: 1_000 };

test("a statement that is merely slow may take its time", async () => {
  const slow: Answer = async (text) => {
    if (text !== "select 1") await after(200);
    return { rows: [text] };
  };
  expect(await createReading(database(slow), undefined, patience).query("select slow")).toEqual({
    rows: ["select slow"],
  });
});

test("a statement that is to be prepared keeps its name and values", async () => {
  const asked: unknown[] = [];
  const listening = { query: (statement: unknown) => Promise.resolve(asked.push(statement)) } as unknown as Database;
  await createReading(listening).query({ name: "once", text: "select $1", values: [1] });
  await createReading(listening).query("select $1", [2]);
  expect(asked).toEqual([
    { name: "once", text: "select $1", values: [1], query_timeout: 10_000 },
    { text: "select $1", values: [2], query_timeout: 10_000 },
  ]);
});

test("a database that fell silent is given up on quickly", async () => {
  const started = Date.now();
  await expect(
    createReading(
      database(() => new Promise(() => undefined)),
      undefined,
      patience,
    ).query("select 2"),
  ).rejects.toThrow(Unavailable);
  expect(Date.now() - started).toBeLessThan(500);
});

test("what Postgres says itself is passed on, what keeps us from reaching it is unavailable", async () => {
  const refused = Object.assign(new Error("syntax error"), { code: "42601", severity: "ERROR" });
  await expect(createReading(database(() => Promise.reject(refused))).query("selec")).rejects.toBe(refused);
  await expect(
    createReading(database(() => Promise.reject(new Error("timeout exceeded when trying to connect")))).query(
      "select 3",
    ),
  ).rejects.toThrow(Unavailable);
});

test("a full pool is not silence: whoever waits for a connection gets it as long as Postgres answers elsewhere", async () => {
  const full: Answer = async (text) => {
    await after(200);
    return { rows: [text] };
  };
  const awake: Answer = () => Promise.resolve({ rows: [] });
  expect(await createReading(database(full), database(awake), patience).query("select 4")).toEqual({
    rows: ["select 4"],
  });
  await expect(createReading(database(full), undefined, patience).query("select 4")).rejects.toThrow(Unavailable);
});

test("an answer that came while this process was held up is read before anything is doubted", async () => {
  // From here on the event loop comes to its timers first, and then to what has arrived.
  await new Promise((resolve) => setImmediate(resolve));
  const held = unlessGivenUp(stat(process.cwd()), 10, () => Promise.reject(new Error("given up")));
  for (const until = Date.now() + 60; Date.now() < until;);
  expect((await held).isDirectory()).toBe(true);
});

test("many who doubt at once are told by one question, and do not take waiting for each other for silence", async () => {
  let questions = 0;
  let connection: Promise<unknown> = Promise.resolve();
  const oneConnection: Answer = () => {
    questions += 1;
    return (connection = connection.then(() => after(15)).then(() => ({ rows: [] })));
  };
  const slow: Answer = async (text) => {
    await after(200);
    return { rows: [text] };
  };
  const reading = createReading(database(slow), database(oneConnection), patience);
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => reading.query(`select ${at}`)));
  expect(answers.map(({ rows }) => rows)).toEqual(Array.from({ length: 20 }, (_, at) => [`select ${at}`]));
  expect(questions).toBeLessThan(20);
});
