import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { factsOf } from "../../bench/made-creatives.ts";
import { createEraser, createRedactor } from "../../core/redact.ts";
import { groupCreatives } from "../../rules/intelligence/cluster.ts";
import { readAnswer } from "../../rules/intelligence/model-answer.ts";
import { buildPrompt } from "../../rules/intelligence/model-prompt.ts";
import { makeCreatives } from "../../sandbox/data/creatives.ts";
import { startSandbox, type Sandbox } from "../../sandbox/server.ts";
import { ConnectorError } from "../errors.ts";
import { createHttp } from "../http.ts";
import { classifyClaude } from "./claude.ts";
import { classifyGemini } from "./gemini.ts";
import type { ModelQuestion } from "./model.ts";
import { findModel, models } from "./registry.ts";

const names = { claude: "claude-haiku-5-5", gemini: "gemini-3.8-flash" } as const;
const keys = { claude: "ANTHROPIC_API_KEY", gemini: "GEMINI_API_KEY" } as const;
type Name = keyof typeof names;
const both: Name[] = ["claude", "gemini"];

const { groups } = groupCreatives(makeCreatives().map(factsOf));
const prompt = buildPrompt(groups, null);
const question = (name: Name, more: Partial<ModelQuestion> = {}): ModelQuestion => ({
  ...prompt,
  model: names[name],
  ...more,
});

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ instant: true });
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  for (const name of both) {
    await control(`/${name}/behave`, { behaviour: "plain" });
    await fetch(`${sandbox.url}/_control/faults?vendor=${name}`, { method: "DELETE" });
  }
});

async function control(path: string, body: object): Promise<unknown> {
  const answer = await fetch(`${sandbox.url}/_control${path}`, { method: "POST", body: JSON.stringify(body) });
  expect(answer.status).toBeLessThan(300);
  return answer.json();
}
const behave = (name: Name, behaviour: string) => control(`/${name}/behave`, { behaviour });

function httpTo(name: Name, key: string) {
  return createHttp({
    baseUrl: `${sandbox.url}/${name}`,
    erase: createEraser([key]),
    redact: createRedactor([key]),
    classify: findModel(name).classify,
    beforeRequest: () => Promise.resolve(() => Promise.resolve()),
  });
}

const ask = (name: Name, more: Partial<ModelQuestion> = {}, key = "sandbox-713") =>
  findModel(name).ask(httpTo(name, key), { [keys[name]]: key }, question(name, more));

async function failureOf(asking: Promise<unknown>): Promise<ConnectorError> {
  const error: unknown = await asking.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConnectorError);
  return error as ConnectorError;
}

test("an unknown vendor is named with the ones there are", () => {
  expect(() => findModel("parrot")).toThrow("no model vendor parrot; there are claude, gemini");
  expect(models.map(({ name }) => name)).toEqual(both);
});

describe.each(both)("%s", (name) => {
  test("answers with JSON by the schema, and what it cost", async () => {
    const reply = await ask(name);
    if (reply.state !== "answered") throw new Error(reply.state);
    const found = readAnswer(reply.text, prompt.groups);
    expect(found).toMatchObject({ ok: true, refused: { unknownIds: 0, repeatedIds: 0, missingIds: 0 } });
    expect(reply.tokens.input).toBeGreaterThan(1_000);
    expect(reply.tokens.output).toBeGreaterThan(100);
  });

  test("sends the key in a header, never in the address", async () => {
    await fetch(`${sandbox.url}/_control/log`, { method: "DELETE" });
    await ask(name);
    const log = JSON.stringify(await (await fetch(`${sandbox.url}/_control/log?vendor=${name}`)).json());
    expect(log).toContain(name);
    expect(log).not.toContain("sandbox-713");
  });

  test("says that it was cut off, and gives no half text", async () => {
    await behave(name, "truncate");
    const reply = await ask(name);
    expect(reply).toEqual({ state: "truncated", tokens: { input: expect.any(Number), output: expect.any(Number) } });
  });

  test("says that it refused, and why", async () => {
    await behave(name, "refuse");
    expect(await ask(name)).toMatchObject({
      state: "refused",
      reason: name === "claude" ? "refusal" : "PROHIBITED_CONTENT",
    });
  });

  test.each([
    ["malformed", { ok: false, problem: "not_json" }],
    ["obey_texts", { ok: false, problem: "all_in_one" }],
    ["invent_ids", { ok: true, refused: { unknownIds: 2 } }],
  ])("answering %s is read as %j", async (behaviour, expected) => {
    await behave(name, behaviour);
    const reply = await ask(name);
    expect(reply.state === "answered" && readAnswer(reply.text, prompt.groups)).toMatchObject(expected);
  });

  test.each(["repeat_ids", "forget_ids", "invent_ids"])(
    "answering %s leaves every creative where it was",
    async (behaviour) => {
      await behave(name, behaviour);
      const reply = await ask(name);
      const found = reply.state === "answered" ? readAnswer(reply.text, prompt.groups) : null;
      if (found?.ok !== true) throw new Error("no answer");
      const ids = (all: typeof groups) =>
        all
          .map(({ members }) =>
            members
              .map(({ item }) => item.id)
              .sort()
              .join(),
          )
          .sort();
      expect(ids(found.groups)).toEqual(ids(groups));
    },
  );

  test("a rate limit says how long to wait, a limit of spend is not tried again", async () => {
    await control("/faults", { vendor: name, kind: "rate_limited", retryAfterSeconds: 17, times: 1 });
    expect(await failureOf(ask(name))).toMatchObject({ kind: "rate_limited", retryAfterMs: 17_000 });
    await control("/faults", { vendor: name, kind: "rate_limited", times: 1 });
    expect(await failureOf(ask(name))).toMatchObject({ kind: "rate_limited", retryAfterMs: 30_000 });
    await behave(name, "spend_limit");
    expect(await failureOf(ask(name))).toMatchObject({ kind: "quota_spent", retryAfterMs: null });
  });

  test.each([
    [{ kind: "server_error", status: name === "claude" ? 529 : 503 }, "unavailable"],
    [{ kind: "html" }, "unavailable"],
    [{ kind: "truncated" }, "unavailable"],
    [{ kind: "empty_body" }, "unavailable"],
    [{ kind: "null" }, "malformed"],
    [{ kind: "wrapped_error" }, "malformed"],
  ])("%j is %s", async (fault, kind) => {
    await control("/faults", { vendor: name, times: 1, ...fault });
    // Gemini's answers have only optional fields: an error in place of one is an answer without a candidate.
    if (name === "gemini" && fault.kind === "wrapped_error")
      expect(await ask(name)).toMatchObject({ state: "refused", reason: "no candidate" });
    else expect((await failureOf(ask(name))).kind).toBe(kind);
  });

  test("a wrong key and a model that is gone are refused, and no key is in any error", async () => {
    const wrong = "sk-ant-very-secret-0123456789";
    const rejected = await failureOf(ask(name, {}, wrong));
    expect(rejected.kind).toBe("unauthorized");
    const gone = await failureOf(ask(name, { model: "retired-1" }));
    expect(gone.kind).toBe("rejected");
    await control("/faults", { vendor: name, kind: "echo_key", times: 1 });
    const echoed = await failureOf(ask(name, {}, "sandbox-echoed-0123456789"));
    for (const error of [rejected, gone, echoed])
      expect(`${error.message} ${error.stack ?? ""}`).not.toMatch(/very-secret|echoed-0123456789/);
  });

  test("the probe is answered for a key that works", async () => {
    const vendor = findModel(name);
    const probe = await vendor.probe({ [keys[name]]: "sandbox-713" } as never, {});
    await expect(httpTo(name, "sandbox-713").json(probe)).resolves.toBeDefined();
  });
});

test.each([
  [401, { error: { type: "authentication_error" } }, "unauthorized"],
  [403, { error: { type: "permission_error" } }, "unauthorized"],
  [402, { error: { type: "billing_error" } }, "quota_spent"],
  [400, { error: { type: "billing_error" } }, "quota_spent"],
  [429, { error: { type: "rate_limit_error", error_code: "enforced_spend_limit_reached" } }, "quota_spent"],
  [429, { error: { type: "rate_limit_error" } }, "rate_limited"],
  [429, null, "rate_limited"],
  [
    400,
    { error: { type: "invalid_request_error", message: "grammar is too large, ask ana@shop.example" } },
    "rejected",
  ],
  [413, { error: { type: "request_too_large" } }, "rejected"],
  [500, null, "unavailable"],
  [529, { error: { type: "overloaded_error" } }, "unavailable"],
])("Claude's %i %j is %s", (status, body, kind) => {
  const refusal = classifyClaude(status, body);
  expect(refusal.kind).toBe(kind);
  expect(refusal.message).not.toContain("ana@");
});

const detail = (more: object) => ({ error: { status: "RESOURCE_EXHAUSTED", message: "quota", details: [more] } });
test.each([
  [400, { error: { status: "INVALID_ARGUMENT", details: [{ reason: "API_KEY_INVALID" }] } }, "unauthorized", undefined],
  [403, { error: { status: "PERMISSION_DENIED" } }, "unauthorized", undefined],
  [429, detail({ retryDelay: "12s" }), "rate_limited", 12_000],
  [429, detail({ retryDelay: "0.5s" }), "rate_limited", 500],
  [429, detail({ retryDelay: "soon" }), "rate_limited", 30_000],
  [429, detail({ violations: [{ quotaId: "GenerateRequestsPerDayPerProject" }] }), "quota_spent", undefined],
  [429, null, "rate_limited", 30_000],
  [400, { error: { status: "FAILED_PRECONDITION" } }, "rejected", undefined],
  [503, { error: { status: "UNAVAILABLE" } }, "unavailable", undefined],
  [504, "not an object", "unavailable", undefined],
])("Gemini's %i %j is %s", (status, body, kind, retryAfterMs) => {
  expect(classifyGemini(status, body)).toMatchObject({ kind, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
});
