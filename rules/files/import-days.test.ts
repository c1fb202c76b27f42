import { describe, expect, test } from "@jest/globals";
import { addDays } from "../../core/days.ts";
import { importDays, judgeImport, missedDays, whyLate, type HeldDay } from "./import-days.ts";

/** A Sunday. */
const first = "2026-03-01";
const at = (index: number) => addDays(first, index);
const daily = (days: number) => new Set(Array.from({ length: days }, (_, index) => at(index)));
const isWeekend = (index: number) => [0, 6].includes(index % 7);

describe("a file that does not come", () => {
  test("is missed where files came on most days before, and only there", () => {
    expect(judgeImport(daily(10), at(10))).toEqual({ came: 7, isThere: false, isMissing: true });
    expect(judgeImport(daily(10), at(9))).toMatchObject({ isThere: true, isMissing: false });
    expect(judgeImport(daily(10), at(14))).toMatchObject({ came: 3, isMissing: false });
    expect(judgeImport(new Set([at(1), at(4)]), at(5))).toMatchObject({ came: 2, isMissing: false });
  });

  test("is missed on each day until one comes again, however long that takes", () => {
    const days = new Set([...daily(10), at(25)]);
    expect([...missedDays(days, { from: first, to: at(26) })]).toEqual(
      Array.from({ length: 15 }, (_, index) => at(10 + index)),
    );
  });

  test("is not missed on a weekday on which none ever comes, and is on the first that one does", () => {
    const days = new Set([...daily(40)].filter((_, index) => !isWeekend(index)));
    expect([...missedDays(days, { from: at(22), to: at(39) })]).toEqual([]);
    // Monday to Friday of the last week are lost.
    const lost = new Set([...days].filter((day) => day < at(36)));
    expect([...missedDays(lost, { from: at(22), to: at(41) })]).toEqual([36, 37, 38, 39, 40].map(at));
  });
});

const held = (day: string, more: Partial<HeldDay> = {}): HeldDay => ({
  ...{ day, fileIds: [1], rows: 10, spend: "5.00", rejected: 0, readAt: new Date(`${day}T12:00:00Z`) },
  ...{ isAfterEnd: true, origin: "real", ...more },
});
const known = (days: Iterable<string>) => new Map([...days].map((day) => [day, held(day)]));

describe("a day of files", () => {
  const now = { today: at(14), hour: 13 };

  test("is final, provisional, partial, failed or missing, and says why", () => {
    const days = known(daily(10));
    days.set(at(8), held(at(8), { rejected: 2 }));
    days.set(at(9), held(at(9), { isAfterEnd: false }));
    const refused = [{ fileId: 7, name: "report.csv", cameOn: at(12) }];
    const range = { from: at(7), to: at(14) };
    expect(
      importDays({ held: days, refused, now }, range).map(({ day, state, reason, fileIds }) => [
        ...[day, state],
        ...[reason, fileIds],
      ]),
    ).toEqual([
      [at(14), null, "the day is not over", []],
      [at(13), "missing", "no file has this day", []],
      [at(12), "missing", "no file has this day", []],
      [at(11), "failed", "report.csv was refused", [7]],
      [at(10), "missing", "no file has this day", []],
      [at(9), "provisional", "the file was read before the day had ended", [1]],
      [at(8), "partial", "its files have 2 rejected lines", [1]],
      [at(7), "final", null, [1]],
    ]);
  });

  test("is not missed before the first file, nor yesterday before noon", () => {
    const morning = { held: known(daily(14).add(at(13))), refused: [], now: { today: at(15), hour: 9 } };
    const range = { from: at(-1), to: at(15) };
    const states = (knowing: Parameters<typeof importDays>[0]) =>
      new Map(importDays(knowing, range).map(({ day, state, reason }) => [day, state ?? reason]));
    expect(states(morning).get(at(14))).toBe("expected by 12:00");
    expect(states(morning).get(at(-1))).toBe("before its first file");
    expect(states({ ...morning, now: { today: at(15), hour: 12 } }).get(at(14))).toBe("missing");
  });

  test("whose files came now and then is expected of nobody", () => {
    const [day] = importDays({ held: known([at(1), at(4)]), refused: [], now }, { from: at(6), to: at(6) });
    expect(day).toMatchObject({ state: null, reason: "no file is expected: one came on 2 of the 7 days before" });
  });
});

test("a mapping is late from noon on while its last expected day is missing", () => {
  expect(whyLate(daily(10), { today: at(11), hour: 11 })).toBeNull();
  expect(whyLate(daily(10), { today: at(11), hour: 12 })).toBe(`no file has a day after ${at(9)}`);
  expect(whyLate(daily(11), { today: at(11), hour: 23 })).toBeNull();
  expect(whyLate(new Set(), { today: at(11), hour: 23 })).toBeNull();
});
