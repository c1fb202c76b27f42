import { expect, test } from "@jest/globals";
import { nearest } from "./nearest.ts";

const options = ["source", "client", "from", "to", "dryRun", "parallel", "acceptEmpty"];

test.each([
  ["dryrun", "dryRun"],
  ["dry_run", "dryRun"],
  ["dry-run", "dryRun"],
  ["clinet", "client"],
  ["sources", "source"],
  ["form", null],
  ["frm", "from"],
  ["paralel", "parallel"],
  ["AcceptEmtpy", "acceptEmpty"],
  ["x", null],
  ["everything", null],
  ["", null],
])("%s means %s", (word, name) => {
  expect(nearest(word, options)).toBe(name);
});

test("nothing is near where nothing is known, and an endless word costs nothing", () => {
  expect(nearest("client", [])).toBeNull();
  expect(nearest("a".repeat(1_000_000), options)).toBeNull();
});
