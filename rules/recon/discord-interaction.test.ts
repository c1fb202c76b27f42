import { generateKeyPairSync, sign } from "node:crypto";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { isSigned, readInteraction } from "./discord-interaction.ts";
import { parsePublicKey, readDiscordSettings } from "../../settings/discord.ts";
import { SettingsReader } from "../../settings/reader.ts";

const pair = generateKeyPairSync("ed25519");
const hex = pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex");
const publicKey = pair.publicKey;
const now = new Date("2026-03-08T12:00:00Z");
const seconds = (offset = 0) => String(now.getTime() / 1_000 + offset);
const signed = (body: string | Uint8Array, timestamp = seconds(), key = pair.privateKey) =>
  sign(null, Buffer.concat([Buffer.from(timestamp), Buffer.from(body)]), key).toString("hex");
const check = (of: Partial<Parameters<typeof isSigned>[0]>) => {
  const body = of.body ?? Buffer.from('{"type":1}');
  const timestamp = "timestamp" in of ? of.timestamp : seconds();
  return isSigned({ publicKey, signature: signed(body, timestamp), timestamp, body, now, ...of });
};

test("a signature by the application's key over timestamp and bytes is good, within five minutes", () => {
  expect(check({})).toBe(true);
  expect(check({ publicKey: parsePublicKey(hex) ?? publicKey })).toBe(true);
  for (const offset of [-300, -299, 299, 300]) expect(check({ timestamp: seconds(offset) })).toBe(true);
  for (const offset of [-301, -86_400, 301]) expect(check({ timestamp: seconds(offset) })).toBe(false);
});

test("what is missing, forged, of another key or of another moment is no signature", () => {
  const stranger = generateKeyPairSync("ed25519").privateKey;
  const body = Buffer.from('{"type":1}');
  expect(check({ signature: undefined })).toBe(false);
  expect(check({ timestamp: undefined, signature: "0".repeat(128) })).toBe(false);
  expect(check({ signature: "" })).toBe(false);
  expect(check({ signature: "zz".repeat(64) })).toBe(false);
  expect(check({ signature: "0".repeat(128) })).toBe(false);
  expect(check({ signature: `${signed(body)}00` })).toBe(false);
  expect(check({ signature: signed(body, seconds(), stranger) })).toBe(false);
  expect(check({ signature: signed(body, seconds(-1)) })).toBe(false);
  expect(check({ timestamp: "now", signature: "0".repeat(128) })).toBe(false);
});

test("no byte of the body and no digit of the time can be changed", () => {
  const body = Buffer.from(JSON.stringify({ id: "1", application_id: "2", type: 2, data: { name: "submit" } }));
  const signature = signed(body);
  fc.assert(
    fc.property(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
      const altered = Buffer.from(body);
      altered[place] = (altered[place] ?? 0) ^ change;
      return !isSigned({ publicKey, signature, timestamp: seconds(), body: altered, now });
    }),
  );
  expect(isSigned({ publicKey, signature, timestamp: seconds(1), body, now })).toBe(false);
});

test("a command is read with the person behind it, in a server or alone, and ids keep their digits", () => {
  const of = (more: object) =>
    readInteraction(
      Buffer.from(
        JSON.stringify({
          id: "9007199254740993123",
          application_id: "1001",
          type: 2,
          token: "t",
          data: { id: "5", name: "submit", options: [{ name: "views", type: 4, value: 15_044 }] },
          ...more,
        }),
      ),
    );
  expect(of({ member: { user: { id: "9007199254740993", username: "ada" } } })).toEqual({
    id: "9007199254740993123",
    applicationId: "1001",
    type: 2,
    token: "t",
    userId: "9007199254740993",
    command: "submit",
    options: new Map([["views", 15_044]]),
    focused: null,
  });
  expect(of({ user: { id: "7" } })?.userId).toBe("7");
  expect(of({})?.userId).toBeNull();
});

test("what is no interaction is none", () => {
  for (const body of ["", "{", "7", "[]", "null", '{"type":1}', '{"id":1,"application_id":"2","type":1}'])
    expect(readInteraction(Buffer.from(body))).toBeNull();
});

const read = (env: Record<string, string>, clients = ["713", "acme"]) => {
  const reader = new SettingsReader({
    CLIENTS: clients.join(","),
    CREDENTIALS_ENCRYPTION_KEY: "0".repeat(64),
    ...env,
  });
  const settings = readDiscordSettings(reader);
  return { problems: reader.problems, settings };
};

test("each client has an application of its own, or none", () => {
  const { problems, settings } = read({ DISCORD_PUBLIC_KEY: hex, DISCORD_APPLICATION_ID: "1001" });
  expect(problems).toEqual([]);
  expect([...settings.applications.keys()]).toEqual(["713"]);
  expect(settings.baseUrl).toBe("https://discord.com/api/v10");
});

test("settings that cannot work are named", () => {
  expect(read({ DISCORD_PUBLIC_KEY: "abc" }).problems).toEqual([
    "DISCORD_PUBLIC_KEY: must be 64 hex digits, as Discord's portal shows it",
  ]);
  expect(read({ DISCORD_PUBLIC_KEY: hex }).problems).toEqual([
    "DISCORD_APPLICATION_ID is missing: DISCORD_PUBLIC_KEY needs it",
  ]);
  expect(read({ DISCORD_PUBLIC_KEY: hex, DISCORD_APPLICATION_ID: "x" }).problems).toEqual([
    "DISCORD_APPLICATION_ID: must be a number",
  ]);
  expect(read({ DISCORD_BASE_URL: "nowhere" }).problems).toEqual(["DISCORD_BASE_URL: must be an address"]);
  const twice = { DISCORD_PUBLIC_KEY: hex, DISCORD_APPLICATION_ID: "1" };
  expect(read({ ...twice, DISCORD_PUBLIC_KEY_ACME: hex, DISCORD_APPLICATION_ID_ACME: "1" }).problems).toEqual([
    "DISCORD_APPLICATION_ID: two clients must not share one",
  ]);
});
