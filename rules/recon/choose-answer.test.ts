import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ConnectorError, type ConnectorErrorKind } from "../../connectors/errors.ts";
import { nothingVerified } from "../../connectors/platforms/platform.ts";
import { chooseAnswer, isEnough, type Tried } from "./choose-answer.ts";
import type { PlatformAnswer } from "./platform-answer.ts";

const platform = { verifies: ["views"] as const };
const answer = (given: PlatformAnswer): Tried => ({ kind: "answer", answer: given });
const views = (count: number | null): Tried =>
  answer({ kind: "metrics", metrics: { ...nothingVerified, views: count, hints: {}, raw: {} } });
const unknown = answer({ kind: "unknown_post", reason: "no such post" });
const deleted = answer({ kind: "deleted", reason: "removed" });
const notReady = answer({ kind: "not_ready", reason: "later", retryAfterMs: null });
const missing: Tried = { kind: "missing", settings: ["X_TOKEN"] };
const failed = (kind: ConnectorErrorKind): Tried => ({
  kind: "error",
  error: new ConnectorError(kind, "answered 4xx"),
});

describe("the affiliate's token is asked", () => {
  test.each([
    ["never where the client's account tells all", views(7), false],
    ["never where the client's account shows that the post is gone", deleted, false],
    ["never where the client's account will tell later", notReady, false],
    ["never while the platform is away", failed("unavailable"), false],
    ["where the client's account may not see the numbers", views(null), true],
    ["where the client's account does not find the post", unknown, true],
    ["where the client's token is refused", failed("unauthorized"), true],
    ["where the client has no account", missing, true],
  ])("%s", (_when, tried, isAsked) => {
    expect(!isEnough(platform, tried)).toBe(isAsked);
  });
});

describe("of two answers", () => {
  test("the affiliate's counts where it shows more", () => {
    expect(chooseAnswer(platform, views(null), views(9))).toMatchObject({ whose: "affiliate", note: null });
    expect(chooseAnswer(platform, unknown, views(9))).toMatchObject({ whose: "affiliate" });
    expect(chooseAnswer(platform, failed("unauthorized"), views(9))).toMatchObject({ whose: "affiliate" });
  });

  test.each([
    ["is refused", failed("unauthorized"), "the affiliate's own token is refused"],
    ["is of another account", unknown, "the account of the affiliate's own token has no such post"],
    ["shows no more", views(null), "the affiliate's own token does not show more"],
  ])("the client's counts where the affiliate's token %s, and it is said", (_how, affiliates, note) => {
    const clients = views(null);
    expect(chooseAnswer(platform, clients, affiliates)).toEqual({ whose: "client", tried: clients, note });
  });

  test("a token that is refused, or that is of another account, never keeps the client's answer from counting", () => {
    const clients = fc.constantFrom(views(null), unknown, failed("unauthorized"), failed("malformed"));
    const useless = fc.constantFrom<Tried>(unknown, failed("unauthorized"), failed("rejected"), failed("malformed"));
    fc.assert(
      fc.property(clients, useless, (client, affiliate) => {
        expect(chooseAnswer(platform, client, affiliate).tried).toBe(client);
      }),
    );
  });
});
