import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Event } from "../../../rules/promo/events.ts";
import { readSpoolLines, toSpoolLine } from "../../../rules/promo/spool-line.ts";
import { lives, lockSpool } from "./spool-lock.ts";
import { Spool, SpoolFull } from "./spool.ts";

let folder: string;
const open: Spool[] = [];
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), "spool-"))));
afterEach(async () => {
  for (const spool of open.splice(0)) await spool.close();
  rmSync(folder, { recursive: true });
});

const spoolOf = (limitBytes = 1_000_000, where = folder) => {
  const spool = new Spool({ folder: where, limitBytes });
  open.push(spool);
  return spool;
};
const event = (id: string): Event => ({
  kind: "impression",
  event_id: id,
  offer_id: 1,
  variation_id: 2,
  send_id: "Ünïcode\nline",
  recipients: null,
  at: "2026-03-10T17:00:00.000Z",
});
const idsIn = (files: readonly string[]) =>
  files.flatMap((file) => readSpoolLines(readFileSync(file, "utf8")).events.map(({ event_id: id }) => id));

describe("the spool", () => {
  test("gives back what was appended, in its order, and nothing of it a second time", async () => {
    const spool = spoolOf();
    await Promise.all(["a", "b", "c"].map((id) => spool.append(event(id))));
    expect(spool.state).toMatchObject({ bytes: expect.any(Number), since: expect.any(Date) });
    const files = await spool.take();
    expect(idsIn(files)).toEqual(["a", "b", "c"]);
    await spool.append(event("d"));
    // What was taken and not forgotten was not counted: it is given again.
    const again = await spool.take();
    expect(idsIn(again)).toEqual(["a", "b", "c", "d"]);
    for (const file of again) spool.forget(file);
    expect(spool.state).toEqual({ bytes: 0, since: null });
    expect(await spool.take()).toEqual([]);
  });

  test("is for its owner's eyes only", async () => {
    await spoolOf(1_000, path.join(folder, "made")).append(event("a"));
    const made = path.join(folder, "made");
    expect(statSync(made).mode & 0o777).toBe(0o700);
    const [file = ""] = readdirSync(made).filter((name) => name.endsWith(".spool"));
    expect(statSync(path.join(made, file)).mode & 0o777).toBe(0o600);
  });

  test("of a living process is left alone; of one that ended it is taken, by one of those who look", async () => {
    const first = spoolOf();
    await first.append(event("a"));
    const [one, other] = [spoolOf(), spoolOf()];
    expect([await one.take(), await other.take()]).toEqual([[], []]);
    await first.close();
    const taken = await Promise.all([one.take(), other.take()]);
    expect(idsIn(taken.flat())).toEqual(["a"]);
  });

  test("of a process that was killed is taken", async () => {
    const child = spawn(process.execPath, [
      "-e",
      `require("node:net").createServer().listen(${JSON.stringify(path.join(folder, "dead.lock"))}, () => console.log("up"))`,
    ]);
    await once(child.stdout, "data");
    writeFileSync(path.join(folder, "dead.000001.spool"), toSpoolLine(event("a")));
    expect([await lives(folder, "dead"), await spoolOf().take()]).toEqual([true, []]);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(idsIn(await spoolOf().take())).toEqual(["a"]);
    expect(readdirSync(folder).filter((name) => name.startsWith("dead"))).toEqual([]);
  });

  test("that somebody else takes first, or whose folder cannot be read, is no loss", async () => {
    const file = path.join(folder, "dead.000001.spool");
    writeFileSync(file, toSpoolLine(event("a")));
    const looking = Array.from({ length: 4 }, () => spoolOf());
    const taken = await Promise.all(looking.map((spool) => spool.take()));
    expect(taken.flat()).toHaveLength(1);
    writeFileSync(path.join(folder, "plain"), "");
    await expect(spoolOf(1_000, path.join(folder, "plain")).take()).rejects.toThrow("ENOTDIR");
  });

  test("has a limit, and what is over it is refused whole", async () => {
    const line = Buffer.byteLength(toSpoolLine(event("a")));
    const spool = spoolOf(2 * line + 10);
    await spool.append(event("a"));
    await spool.append(event("b"));
    await expect(spool.append(event("c"))).rejects.toThrow(SpoolFull);
    expect(idsIn(await spool.take())).toEqual(["a", "b"]);
  });

  test("begins a new file when one is large", async () => {
    const spool = spoolOf(100_000_000);
    const long = { ...event("x"), send_id: "y".repeat(1_500_000) };
    for (const id of ["a", "b", "c", "d"]) await spool.append({ ...long, event_id: id });
    const files = await spool.take();
    expect(files).toHaveLength(2);
    expect(idsIn(files)).toEqual(["a", "b", "c", "d"]);
  });

  test("where no file can be made refuses, and works again once there is room", async () => {
    const blocked = path.join(folder, "blocked");
    writeFileSync(blocked, "a file, not a folder");
    const spool = spoolOf(1_000, blocked);
    await expect(spool.append(event("a"))).rejects.toThrow();
    await expect(spool.take()).rejects.toThrow();
    rmSync(blocked);
    expect(await spool.take()).toEqual([]);
    await spool.append(event("b"));
    expect(idsIn(await spool.take())).toEqual(["b"]);
  });

  test("keeps no part of a line that the disk cut short", () => {
    // The system refuses what passes the limit of a file's size, after it took what fits: as a full disk does.
    const script = `
      import { Spool } from ${JSON.stringify(new URL("./spool.ts", import.meta.url).href)};
      const spool = new Spool({ folder: ${JSON.stringify(folder)}, limitBytes: 1e9 });
      const event = (id) => ({ kind: "click", event_id: id, at: "", pad: "x".repeat(700) });
      const outcomes = [];
      for (let id = 0; id < 4; id++) outcomes.push(await spool.append(event(String(id))).then(() => "kept", (error) => error.code));
      console.log(outcomes.join());
      process.exit();`;
    const register = new URL("../../../test/register-typescript.js", import.meta.url).pathname;
    const said = execFileSync(
      "bash",
      ["-c", 'ulimit -f 2; exec "$0" --import "$1" --input-type=module -e "$2"', process.execPath, register, script],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    expect(said.toString().trim()).toBe("kept,kept,EFBIG,EFBIG");
    const [file = ""] = readdirSync(folder).filter((name) => name.endsWith(".spool"));
    const { events, damaged } = readSpoolLines(readFileSync(path.join(folder, file), "utf8"));
    expect([events.map(({ event_id: id }) => id), damaged]).toEqual([["0", "1"], 0]);
    expect(statSync(path.join(folder, file)).size).toBeLessThan(1_600);
  });
});

test("a folder whose path is too long for a lock says so", async () => {
  await expect(lockSpool(path.join(folder, "x".repeat(100)), "id")).rejects.toThrow("PROMO_SPOOL_DIR is too long");
});

describe("lines", () => {
  const lines = [event("a"), event("b"), event("c")].map(toSpoolLine);

  test("that were cut short by a crash are no events, wherever the cut is", () => {
    const text = lines.join("");
    for (let end = 0; end <= text.length; end++) {
      const { events, damaged } = readSpoolLines(text.slice(0, end));
      const whole = lines.filter((_, place) => lines.slice(0, place + 1).join("").length <= end).length;
      expect([events.length, damaged]).toEqual([whole, 0]);
    }
  });

  test("in which a bit is wrong are counted as damaged, and hide no others", () => {
    const [one = "", two = "", three = ""] = lines;
    for (const wrong of [two.replace('"b"', '"B"'), "\n", "no event\n", `${"0".repeat(8)} {}\n`])
      expect(readSpoolLines(`${one}${wrong}${three}`)).toEqual({ events: [event("a"), event("c")], damaged: 1 });
  });
});
