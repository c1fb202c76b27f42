import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { keyRing, seal } from "../../core/crypto.ts";
import { agentContext } from "../../rules/promo/events.ts";
import { projectRoot } from "../../settings/environment.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { openAgent } from "./opened-agent.ts";

// The first command after a change builds dist/.
jest.setTimeout(120_000);

const key = randomBytes(32);
const keys = keyRing(key);
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  const click = (eventId: string, agent: string | null, days: number) =>
    database.pool.query(
      `insert into promo.promo_click_tracking (_client_id, event_id, offer_id, variation_id, clicked_at, clicked_date, via, device, user_agent_sealed)
       values ('713', $1, 4, 42, now() - $3 * interval '1 day', current_date, 'api', 'mobile', $2)`,
      [eventId, agent === null ? null : seal(keys, Buffer.from(agent), agentContext(eventId)), days],
    );
  await click("fresh", "Mozilla/5.0 \u001b[2J(iPhone)", 6);
  await click("none", null, 0);
  await click("old", "Mozilla/5.0", 7.1);
});
afterAll(() => database.drop());

let seen = 0;
/** Since it was asked last. */
const audited = async () => {
  const { rows } = await database.pool.query<Record<string, unknown>>(
    "select _client_id as client, subject, details ->> 'variation' as variation, details::text as details, actor from ops.audit where action = 'agent_viewed' order by audit_id",
  );
  return rows.splice(seen, (seen = rows.length));
};
const open = (eventId: string, of: { client?: string; keys?: typeof keys | null } = {}) =>
  openAgent(database.pool, { client: "713", eventId, keys, ...of });

test("a click's agent is opened for a person, and the audit log says who saw it, without the agent", async () => {
  expect(await open("fresh")).toMatchObject({
    variationId: 42,
    device: "mobile",
    agent: expect.stringMatching(/^Mozilla/),
  });
  const [entry, ...more] = await audited();
  expect(more).toEqual([]);
  expect(entry).toMatchObject({
    client: "713",
    subject: "promo click/fresh",
    variation: "42",
    actor: expect.stringMatching(/^cli:/),
  });
  expect(JSON.stringify(entry)).not.toContain("Mozilla");
});

test.each([
  ["of another client", "fresh", { client: "acme" }, "client acme has no click fresh"],
  ["that is not there", "x", {}, "client 713 has no click x"],
  ["without an agent", "none", {}, "no user agent is kept of click none"],
  ["of more than seven days ago, before maintenance deletes it", "old", {}, "it is older than 7 days"],
  ["sealed with a key that is gone", "fresh", { keys: keyRing(randomBytes(32)) }, "another IDENTITY_ENCRYPTION_KEY"],
  ["without a key", "fresh", { keys: null }, "IDENTITY_ENCRYPTION_KEY: set it"],
])("a click %s opens nothing and records nothing", async (_case, eventId, of, message) => {
  await expect(open(eventId, of)).rejects.toThrow(message);
  expect(await audited()).toEqual([]);
});

test("the command prints it without what a terminal would obey", async () => {
  const run = promisify(execFile)(process.execPath, ["scripts/run.mjs", "promo", "agent", "fresh"], {
    cwd: projectRoot(),
    env: {
      ...process.env,
      DATABASE_URL: database.url,
      CLIENTS: "713",
      IDENTITY_ENCRYPTION_KEY: key.toString("base64"),
      NODE_OPTIONS: "",
    },
  });
  const { stdout } = await run;
  expect(stdout).toMatch(/click fresh on variation 42, .*, device mobile\n\nMozilla\/5\.0 �\[2J\(iPhone\)\n$/);
  expect(await audited()).toHaveLength(1);
});
