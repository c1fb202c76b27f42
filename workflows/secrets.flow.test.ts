import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { allHistories, readable } from "../test/histories.ts";
import { everyRow } from "../test/database.ts";
import { failureOf, logLines, startStack, uniqueId, until, type TestStack } from "../test/stack.ts";

jest.setTimeout(60_000);

// With characters that a URL spells differently.
const canary = 'C4n/ary+key="of 713"&ümlaut=%7E';
const source = "redtrack.daily_spend";

const spellings = [
  canary,
  encodeURIComponent(canary),
  encodeURIComponent(canary).replaceAll("%20", "+"),
  new URLSearchParams({ key: canary }).toString().slice("key=".length),
  JSON.stringify(canary).slice(1, -1),
  Buffer.from(canary).toString("base64").replace(/=+$/, ""),
  Buffer.from(canary).toString("base64url"),
  Buffer.from(canary).toString("hex"),
  // Its middle, in case only the edges were cut away.
  "ary+key",
  "ary%2Bkey",
];

const leaksIn = (text: string) => spellings.filter((spelling) => text.toLowerCase().includes(spelling.toLowerCase()));

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ REDTRACK_API_KEY: canary });
  await stack.control("POST", "/keys", { vendor: "redtrack", key: canary, client: "713" });
});
afterAll(() => stack.stop());

test("a planted key is in no history, log line or table, also when the vendor echoes it", async () => {
  // It opens the vendor, so it really travels.
  const good = await stack.start("backfill", uniqueId("backfill/good"), {
    source,
    from: "2025-12-01",
    to: "2025-12-02",
  });
  expect(await good.result()).toMatchObject({ done: 2 });

  const echoes: Record<string, [string, object]> = {
    "2025-12-05": ["echo_key", { status: 500 }],
    "2025-12-06": ["echo_key", { status: 200 }],
    "2025-12-07": ["echo_key", { status: 404 }],
    "2025-12-08": ["echo_key", { status: 401 }],
    "2025-12-09": [
      "wrapped_error",
      { error: `cannot load /report?api_key=${canary} and ${encodeURIComponent(canary)}` },
    ],
    "2025-12-10": [
      "extra_field",
      { field: "debug_url", value: `https://api/report?api_key=${encodeURIComponent(canary)}` },
    ],
    "2025-12-11": ["extra_field", { field: `key ${canary}`, value: canary }],
    "2025-12-12": ["rename_field", { field: "cost", to: canary }],
    "2025-12-13": ["echo_key", { status: 429 }],
    "2025-12-14": ["reset", {}],
  };
  for (const [day, [kind, parameters]] of Object.entries(echoes))
    await stack.fault(kind, { ...parameters, match: { day }, ...(day === "2025-12-13" ? { times: 1 } : {}) });
  const slices = await Promise.all(
    Object.keys(echoes).map((day) => stack.start("syncSlice", `${source}/713/${day}`, { source, day })),
  );
  const dry = await stack.start("backfill", uniqueId("backfill/dry"), {
    source,
    from: "2025-12-05",
    to: "2025-12-05",
    dryRun: true,
  });
  const ends = await Promise.all(
    slices.map((slice) =>
      slice.result().then(
        () => "done",
        async () => (await failureOf(slice.result())).type,
      ),
    ),
  );
  expect(ends).toEqual([
    "VendorUnavailable",
    "VendorUnavailable",
    "RequestRejected",
    "CredentialsRejected",
    "VendorUnavailable",
    "done",
    "done",
    "ResponseMalformed",
    "done",
    "VendorUnavailable",
  ]);
  await failureOf(dry.result());
  const run = await stack.start("backfill", uniqueId("backfill/bad"), {
    source,
    from: "2025-12-05",
    to: "2025-12-09",
    parallel: 5,
  });
  await failureOf(run.result());
  await (await stack.start("keepHouse", uniqueId("keep-house"))).result();

  // The echo did arrive: what is looked for could have been there.
  expect((await stack.calls()).filter((call) => call.faults.includes("echo_key")).length).toBeGreaterThan(4);
  const started = slices.length + 4;
  const histories = await until("every workflow to be listed", async () => {
    const found = await allHistories(stack);
    return found.length >= started + 5 && found;
  });
  expect(
    histories.flatMap(({ workflowId, history }) =>
      leaksIn(readable(history)).map((spelling) => ({ workflowId, spelling })),
    ),
  ).toEqual([]);
  const rows = await everyRow(stack.database.pool);
  expect(rows).toContain("[redacted]");
  expect(leaksIn(rows)).toEqual([]);
  expect(logLines.length).toBeGreaterThan(100);
  expect(logLines.filter((line) => leaksIn(line).length > 0)).toEqual([]);
});
