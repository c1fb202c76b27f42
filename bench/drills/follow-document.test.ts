import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { addingDocuments, applyChange, copyProject, followDocument, stepsOf } from "./follow-document.ts";

let folder: string;
const touched: Record<string, string[]> = {};
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "signal-room documents-"));
  await copyProject(folder);
  // A change that does not fit the code any more stops here; that the outcome works, the drill new-vendor shows.
  for (const document of addingDocuments) touched[document] = await followDocument(folder, document);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
test.each([
  [
    "source",
    "Six things are made by hand",
    [
      "connectors/registry.ts",
      "connectors/sources/fixtures/tidewater-costs.json",
      "connectors/sources/tidewater.test.ts",
      "connectors/sources/tidewater.ts",
      "sandbox/vendors/tidewater.ts",
      "schema/tidewater.ts",
    ],
  ],
  [
    "platform",
    "Three things are made by hand",
    ["connectors/platforms/harbor.test.ts", "connectors/platforms/harbor.ts", "connectors/platforms/registry.ts"],
  ],
  [
    "destination",
    "Three things are made by hand",
    ["connectors/destinations/pier.test.ts", "connectors/destinations/pier.ts", "connectors/destinations/registry.ts"],
  ],
])("a %s is made of as many things by hand as its document says: %s", async (what, words, files) => {
  const document = `docs/adding-a-${what}.md`;
  expect(touched[document]?.toSorted()).toEqual(files);
  expect(await readFile(path.join(folder, document), "utf8")).toContain(words);
});

test("a change that does not fit the file any more is named", () => {
  expect(applyChange("a\nb\nc\n", " a\n+x\n ...\n-c\n+d\n")).toBe("a\nx\nb\nd\n");
  expect(() => applyChange("a\n", " b\n+c\n")).toThrow("stands 0 times");
  expect(stepsOf("<!-- file: a/b.ts -->\n\n```ts\nx\n```\n")).toEqual([
    { what: "file", target: "a/b.ts", text: "x\n" },
  ]);
});
