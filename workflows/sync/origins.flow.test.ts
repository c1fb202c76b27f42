import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { targetOf } from "../../activities/sync/read-day.ts";
import { originOf } from "../../core/origin.ts";
import { purgeFeed } from "../../queries/ops/purge.ts";
import { sourceNamed } from "../../scripts/shared/command-line.ts";
import { failureOf, startStack, uniqueId, type TestStack } from "../../test/stack.ts";

jest.setTimeout(60_000);

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ UNAVAILABLE_ATTEMPTS: "1" });
});
afterAll(() => stack.stop());

const source = "redtrack.daily_spend";
const client = "713";
const account = () => {
  const found = stack.config.accounts.get(`redtrack/${client}`);
  if (found === undefined) throw new Error("no account");
  return found;
};
const sync = async () =>
  (await stack.start("syncSource", uniqueId(`sync/${source}/${client}`), { source, client })).result();
const origins = () =>
  stack.rows<{ origin: string }>("select distinct origin from ops.slices where source = $1", [source]);
const alerts = () =>
  stack.rows<{ open: boolean; message: string }>(
    "select resolved_at is null as open, message from ops.alerts where kind = 'origin_mixed' order by alert_id",
  );

/** What a person does who sets the vendor's key in place of the sandbox's, and the reverse. */
const setAddress = (baseUrl: string) => Object.assign(account(), { baseUrl });

test("a key that is set on sandbox data fails the sync once, with the command to type, until they are purged", async () => {
  const sandboxUrl = account().baseUrl;
  await sync();
  expect(await origins()).toEqual([{ origin: "sandbox" }]);
  const stored = await stack.rows("select * from redtrack.daily_spend order by date, source_id");

  // Nobody answers there: whatever is asked of it fails in another way than what is never asked.
  setAddress("https://127.0.0.1:1");
  expect(originOf(account())).toBe("real");
  for (const started of [
    sync(),
    stack
      .start("backfill", uniqueId("backfill"), { source, client, from: "2025-12-18", to: "2025-12-18" })
      .then((run) => run.result()),
    stack.start("syncSlice", uniqueId("slice"), { source, client, day: "2025-12-18" }).then((run) => run.result()),
  ]) {
    const failure = await failureOf(started);
    expect(failure.type).toBe("OriginMixed");
    expect(failure.message).toContain(`npm run purge -- --sandbox --source ${source} --client ${client}`);
  }
  expect(await stack.rows("select * from redtrack.daily_spend order by date, source_id")).toEqual(stored);
  expect(await alerts()).toEqual([{ open: true, message: expect.stringContaining("npm run purge -- --sandbox") }]);

  await purgeFeed(stack.database.pool, targetOf(sourceNamed(source), client, ""), ["sandbox"], {
    atATime: 2,
    by: { actor: "cli:a test", role: null },
  });
  expect(await alerts()).toEqual([expect.objectContaining({ open: false })]);
  // Now the vendor is asked, and is away.
  expect((await failureOf(sync())).type).toBe("SlicesFailed");

  // The reverse: the sandbox never writes over what is real.
  await stack.rows(
    `insert into ops.slices (_client_id, source, slice, day, timezone, receipt_id, origin) values ($1, $2, '2025-12-01', '2025-12-01', 'America/New_York', 0, 'real')`,
    [client, source],
  );
  setAddress(sandboxUrl);
  const failure = await failureOf(sync());
  expect(failure.type).toBe("OriginMixed");
  expect(failure.message).toContain("sandbox rows are not written over them");
  expect(await stack.rows("select from redtrack.daily_spend")).toEqual([]);
});
