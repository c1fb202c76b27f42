import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { closeToOthers, makeFolder, unprivilegedUser } from "./unprivileged.ts";

let root: string;
beforeEach(() => void (root = mkdtempSync(path.join(os.tmpdir(), "signal-room-closed-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const modeOf = (...parts: string[]) => (statSync(path.join(root, ...parts)).mode & 0o777).toString(8);
/** PostgreSQL's user, when it is another one, passes through and sees nothing. */
const closed = unprivilegedUser() === undefined ? "700" : "711";

test("folders that are made are closed to others, their parents too, whatever the umask", () => {
  const before = process.umask(0);
  try {
    makeFolder(path.join(root, "data/temporal"));
  } finally {
    process.umask(before);
  }
  expect([modeOf("data"), modeOf("data/temporal")]).toEqual([closed, closed]);
});

test("what an earlier release left open is closed at the next start, but for what is PostgreSQL's or somebody's to import", () => {
  for (const folder of ["logs", "temporal", "postgres/cluster", "import"])
    mkdirSync(path.join(root, folder), { recursive: true });
  const files = ["stack.json", "logs/api.log", "temporal/temporal.db", "postgres/postgres.log", "import/spend.csv"];
  for (const file of [...files, "postgres/cluster/PG_VERSION"]) {
    writeFileSync(path.join(root, file), "");
    chmodSync(path.join(root, file), 0o644);
  }
  chmodSync(root, 0o755);
  closeToOthers(root);
  expect([modeOf(), modeOf("logs"), modeOf("temporal"), modeOf("postgres")]).toEqual([closed, closed, closed, closed]);
  expect([modeOf("postgres/cluster"), modeOf("import")]).toEqual(["700", "700"]);
  expect(files.map((file) => modeOf(file))).toEqual(["600", "600", "600", "600", "644"]);
  expect(modeOf("postgres/cluster/PG_VERSION")).toBe("644");
});
