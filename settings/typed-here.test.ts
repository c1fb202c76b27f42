import { expect, test } from "@jest/globals";
import { asPackage, typedHere } from "./typed-here.ts";

test.each([
  ["start a local stack with `npm start`", "start a local stack with `npx signal-room start`"],
  ["`npm run ingest -- FILE`", "`npx signal-room ingest FILE`"],
  ["try npm run demo:recon, then npm run status.", "try npx signal-room demo:recon, then npx signal-room status."],
  ["npm run purge -- --sandbox", "npx signal-room purge --sandbox"],
  ["started by npm", "started by npm"],
])("of an installed package, %j is told as %j", (text, told) => {
  expect(asPackage(text)).toBe(told);
});

test("in a clone, commands are told as they are", () => {
  expect(typedHere("`npm run status`")).toBe("`npm run status`");
});
