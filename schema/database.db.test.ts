import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { projectRoot } from "../settings/environment.ts";
import { testDatabase, type TestDatabase } from "../test/database.ts";
import { CommitUnknown, inTransaction, openDatabase, prepared, sqlState } from "./database.ts";

jest.setTimeout(30_000);

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await database.pool.query("create table public.kept (id int primary key)");
});
beforeEach(() => database.pool.query("truncate public.kept cascade"));
afterAll(() => database.drop());

const kept = async () =>
  (await database.pool.query<{ id: number }>("select id from public.kept order by id")).rows.map(({ id }) => id);

test("dates come back as they are written, numerics as exact text, moments as moments, counts as numbers", async () => {
  const { rows } = await database.pool.query(
    "select date '2026-03-08' as day, 26269.20::numeric(18,6) as cost, timestamptz '2026-03-08 02:30:00-05' as moment, 9007199254740991::bigint as count, null::date as none",
  );
  expect(rows).toEqual([
    {
      day: "2026-03-08",
      cost: "26269.200000",
      moment: new Date("2026-03-08T07:30:00Z"),
      count: 9_007_199_254_740_991,
      none: null,
    },
  ]);
});

test("a date is the same in a process of any time zone", () => {
  const code = `
    const { openDatabase } = await import(${JSON.stringify(path.join(import.meta.dirname, "database.ts"))});
    const pool = openDatabase({ url: ${JSON.stringify(database.url)}, poolSize: 1, name: "zone" });
    const { rows } = await pool.query("select date '2025-12-18' as day, $1::date as sent, $2::timestamptz as at", ["2025-12-18", new Date(0)]);
    console.log(JSON.stringify(rows));
    await pool.end();`;
  const register = path.join(projectRoot(), "test/register-typescript.js");
  for (const TZ of ["Pacific/Kiritimati", "America/Los_Angeles"]) {
    const args = ["--import", register, "--input-type=module", "-e", code];
    const shown = execFileSync(process.execPath, args, { env: { PATH: process.env["PATH"], TZ }, encoding: "utf8" });
    expect(JSON.parse(shown)).toEqual([{ day: "2025-12-18", sent: "2025-12-18", at: "1970-01-01T00:00:00.000Z" }]);
  }
});

test("a text is prepared once, whatever its values, and those that come after many are not", async () => {
  const session = await database.pool.connect();
  const names = async () =>
    (await session.query<{ statement: string }>("select statement from pg_prepared_statements order by 1")).rows;
  const text = "select $1::int + 1 as sum";
  expect((await session.query(prepared(text, [1]))).rows).toEqual([{ sum: 2 }]);
  expect((await session.query(prepared(text, [2]))).rows).toEqual([{ sum: 3 }]);
  for (let number = 0; number < 300; number += 1) await session.query(prepared(`select ${number}`, []));
  const kept = await names();
  expect(kept.filter(({ statement }) => statement === text)).toHaveLength(1);
  expect(kept.length).toBeLessThan(250);
  expect((await session.query(prepared("select 299 as last", []))).rows).toEqual([{ last: 299 }]);
  session.release();
});

describe("a transaction", () => {
  test("commits what was done, and returns what the work returned", async () => {
    const result = await inTransaction(database.pool, async (session) => {
      await session.query("insert into kept values (1)");
      return "done";
    });
    expect([result, await kept()]).toEqual(["done", [1]]);
  });

  test("is rolled back when the work fails, and its connection is used again", async () => {
    const one = openDatabase({ url: database.url, poolSize: 1, name: "one" });
    try {
      const pid = () =>
        inTransaction(
          one,
          async (session) => (await session.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]?.pid,
        );
      const before = await pid();
      const failure = new Error("the work failed");
      const failing = inTransaction(one, async (session) => {
        await session.query("insert into kept values (1)");
        throw failure;
      });
      await expect(failing).rejects.toBe(failure);
      await expect(inTransaction(one, (session) => session.query("select 1 / 0"))).rejects.toMatchObject({
        code: "22012",
      });
      expect(await kept()).toEqual([]);
      expect(await pid()).toBe(before);
    } finally {
      await one.end();
    }
  });

  test("whose session was killed fails with its state, and the pool lives on", async () => {
    const one = openDatabase({ url: database.url, poolSize: 1, name: "one" });
    try {
      const killed = inTransaction(one, async (session) => {
        const { rows } = await session.query<{ pid: number }>(
          "insert into kept values (1) returning pg_backend_pid() as pid",
        );
        await database.pool.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
        await session.query("select 1");
      });
      await expect(killed).rejects.toThrow();
      expect(await inTransaction(one, async (session) => (await session.query("select 1 as one")).rows)).toEqual([
        { one: 1 },
      ]);
      expect(await kept()).toEqual([]);
    } finally {
      await one.end();
    }
  });

  test("a connection that breaks while idle is reported, and no crash", async () => {
    const errors: Error[] = [];
    const one = openDatabase({ url: database.url, poolSize: 1, name: "idle", onError: (error) => errors.push(error) });
    try {
      const { rows } = await one.query<{ pid: number }>("select pg_backend_pid() as pid");
      await database.pool.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
      await waitUntil(() => errors.length > 0);
      expect((await one.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    } finally {
      await one.end();
    }
  });

  test("a deadlock and a lock that does not come are told by their state", async () => {
    await database.pool.query("insert into kept values (1), (2)");
    const lockBoth = (first: number, second: number) =>
      inTransaction(database.pool, async (session) => {
        await session.query("select from kept where id = $1 for update", [first]);
        await session.query("select pg_sleep(0.1)");
        await session.query("select from kept where id = $1 for update", [second]);
      }).then(() => null, sqlState);
    expect((await Promise.all([lockBoth(1, 2), lockBoth(2, 1)])).filter((state) => state !== null)).toEqual(["40P01"]);
  });
});

describe("a commit whose answer got lost", () => {
  test.each([
    ["after it reached Postgres", true, [7]],
    ["before it reached Postgres", false, []],
  ])(
    "%s is reported as unknown, whatever happened, and its connection is thrown away",
    async (_, reaches, expected) => {
      const proxy = await cutAtCommit(database.url, reaches);
      const through = openDatabase({ url: proxy.url, poolSize: 1, name: "proxied" });
      try {
        const work = inTransaction(through, (session) => session.query("insert into kept values (7)"));
        await expect(work).rejects.toBeInstanceOf(CommitUnknown);
        // Postgres itself may need a moment to see the end of the connection.
        await waitUntil(async () => (await kept()).length === expected.length);
        expect(await kept()).toEqual(expected);
        expect((await through.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      } finally {
        await through.end();
        await proxy.close();
      }
    },
  );

  test("a commit that Postgres refused is not unknown", async () => {
    await database.pool.query(
      "create table if not exists public.later (id int references kept deferrable initially deferred)",
    );
    const work = inTransaction(database.pool, (session) => session.query("insert into later values (99)"));
    await expect(work).rejects.toMatchObject({ code: "23503" });
  });
});

describe("the analysts' role", () => {
  async function asReader<Result>(
    work: (query: (text: string) => Promise<unknown>) => Promise<Result>,
  ): Promise<Result> {
    const session = await database.pool.connect();
    try {
      await session.query("begin; grant signal_room_reader to current_user; set local role signal_room_reader");
      return await work((text) => session.query(text));
    } finally {
      await session.query("rollback");
      session.release();
    }
  }

  test.each([
    "select from ops.delivery_identity",
    "insert into ops.alerts (_client_id, area, kind, subject, severity, message) values ('1', 'a', 'k', 's', 'info', 'm')",
    "update redtrack.daily_spend set cost = 0",
    "delete from ops.receipts",
    "truncate ops.restatements",
    "drop view redtrack.spend_intraday",
    "create table redtrack.mine (id int)",
    "create table public.mine (id int)",
    "select nextval('ops.fetch_seq')",
    "select ops.claim_turn('redtrack/713', 0, 1, 'x', 1000)",
    "comment on table ops.runs is 'mine'",
  ])("is refused: %s", async (statement) => {
    await asReader(async (query) => {
      await expect(query(statement)).rejects.toMatchObject({ code: "42501" });
    });
  });
});

/** Between us and Postgres, hanging up at the first commit: before passing it on, or instead of passing its answer back. */
async function cutAtCommit(url: string, reaches: boolean): Promise<{ url: string; close: () => Promise<void> }> {
  const to = new URL(url);
  let cut = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname);
    let silent = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    const hangUp = () => [client, upstream].forEach((socket) => socket.destroy());
    client.on("data", (data) => {
      if (!cut && data.includes("commit")) {
        cut = true;
        silent = true;
        if (!reaches) return void hangUp();
      }
      upstream.write(data);
    });
    upstream.on("data", (data) => (silent ? hangUp() : client.write(data)));
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: Object.assign(new URL(url), { host: `127.0.0.1:${(server.address() as AddressInfo).port}` }).href,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function waitUntil(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    if (tries > 500) throw new Error("it did not come to pass");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
