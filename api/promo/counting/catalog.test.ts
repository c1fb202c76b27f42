import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { Catalog } from "./catalog.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), "catalog-"))));
afterEach(() => {
  jest.useRealTimers();
  rmSync(folder, { recursive: true });
});

test("a catalogue that is stopped while it reads for the first time does not read again", async () => {
  jest.useFakeTimers();
  let reads = 0;
  let answer: () => void = () => undefined;
  const catalog = new Catalog({
    read: () => {
      reads += 1;
      return new Promise((resolve) => (answer = () => resolve({ offers: [], variations: [] })));
    },
    folder,
  });
  const started = catalog.start();
  catalog.stop();
  answer();
  await started;
  expect([reads, jest.getTimerCount()]).toEqual([1, 0]);
});
