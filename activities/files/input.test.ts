import { expect, test } from "@jest/globals";
import { settingsOf } from "./input.ts";

test("a client that is not set is refused with those that are", () => {
  const config = { clients: ["713", "acme"], ingest: { clients: new Map() } } as never;
  expect(() => settingsOf(config, "nobody")).toThrow(
    'unknown client "nobody": there are 713, acme (the setting CLIENTS)',
  );
});
