import { expect, test } from "@jest/globals";
import { addDays } from "../../core/days.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { loadConfig } from "../../settings/config.ts";
import type { Client } from "@temporalio/client";
import type { Database } from "../../schema/database.ts";
import { accountsToPull, followFirstPulls } from "./first-pulls.ts";

const env = { DATABASE_URL: "postgres://local/x", REDTRACK_API_KEY: "k", EVERFLOW_API_KEY: "k" };
const config = loadConfig(env, vendors, sources);
const now = new Date("2025-12-18T15:00:00Z");

test("the first time every source is read as far back as every other, so that cost and revenue are of the same days", () => {
  const pulls = accountsToPull({ config, env, sandbox: new Set(), isFirst: true, now });
  const first = new Map<string, string>();
  for (const { source, days } of pulls) {
    const lookback = config.windows.get(source)?.lookbackDays ?? 0;
    const from = days?.from ?? addDays("2025-12-18", -lookback);
    if (from < (first.get(source) ?? "9999")) first.set(source, from);
  }
  expect(first.size).toBe(4);
  expect(new Set(first.values())).toEqual(new Set(["2025-12-04"]));
  // The days a run reads anyway come first, and no day is read twice.
  expect(pulls.filter(({ source }) => source === "redtrack.daily_spend")).toEqual([
    { source: "redtrack.daily_spend", client: "713" },
    { source: "redtrack.daily_spend", client: "713", days: { from: "2025-12-04", to: "2025-12-14" } },
  ]);
});

test("whoever is told to stop no longer waits for the first pulls, and leaves no call behind", async () => {
  const stop = new AbortController();
  let open = 0;
  let given: AbortSignal | undefined;
  const result = () =>
    new Promise((_, reject) => {
      open += 1;
      given?.addEventListener("abort", () => {
        open -= 1;
        reject(new Error("1 CANCELLED"));
      });
    });
  const client = {
    workflow: { start: () => Promise.resolve({ firstExecutionRunId: "r", result }) },
    withAbortSignal: (signal: AbortSignal, work: () => unknown) => {
      given = signal;
      return work();
    },
  } as unknown as Client;
  const database = { query: () => Promise.reject(new Error("not there")) } as unknown as Database;
  const accounts = [
    { source: "redtrack.daily_spend", client: "713" },
    { source: "everflow.conversions", client: "713" },
  ];
  const followed = followFirstPulls({ config, client, database, accounts, signal: stop.signal });
  await new Promise(setImmediate);
  expect(open).toBe(2);
  stop.abort();
  await followed;
  expect(open).toBe(0);
});

test("later starts read what is due, and no more", () => {
  const pulls = accountsToPull({ config, env, sandbox: new Set(), isFirst: false, now });
  expect(pulls.every(({ days }) => days === undefined)).toBe(true);
});
