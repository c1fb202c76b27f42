import { expect, test } from "@jest/globals";
import { originOf } from "./origin.ts";

test("an address without TLS is a mock server's, wherever it runs; one with TLS is the vendor's", () => {
  expect(originOf({ baseUrl: "http://127.0.0.1:3010/redtrack" })).toBe("sandbox");
  expect(originOf({ baseUrl: "http://sandbox:3010/everflow" })).toBe("sandbox");
  expect(originOf({ baseUrl: "https://api.redtrack.io" })).toBe("real");
  expect(originOf({ baseUrl: "HTTPS://api.eflow.team/v1" })).toBe("real");
});
