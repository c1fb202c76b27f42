import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { addDays } from "../../core/days.ts";
import { fromMicros, toMicros } from "../../core/money.ts";
import { readBytes } from "../../test/read-performance-file.ts";

const header = "creative_id,date,impressions,clicks,spend,geography,device_type";
const anyLine = fc.record({
  day: fc.integer({ min: 0, max: 4 }).map((back) => addDays("2025-12-17", -back)),
  impressions: fc.oneof(fc.bigInt(0n, 1_000n), fc.bigInt(0n, 9_000_000_000_000_000_000n)),
  spend: fc.oneof(fc.bigInt(0n, 5_000_000n), fc.bigInt(0n, 999_999_999_999_999_999n)).map(fromMicros),
  isGood: fc.integer({ min: 0, max: 9 }).map((one) => one > 0),
});

test("each day carries what its good lines say, whatever order they are in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyLine, { maxLength: 40 }), async (lines) => {
      const text = lines.map(
        ({ day, impressions, spend, isGood }) => `79783,${day},${impressions},0,${spend},${isGood ? "BR" : "?"},mobile`,
      );
      const { counts } = await readBytes([header, ...text, ""].join("\n"), { limits: { refuseAboveShare: 1 } });
      const good = lines.filter(({ isGood }) => isGood);
      const days = [...new Set(good.map(({ day }) => day))].sort().map((date) => {
        const own = good.filter(({ day }) => day === date);
        return {
          date,
          rows: own.length,
          impressions: String(own.reduce((sum, { impressions }) => sum + impressions, 0n)),
          clicks: "0",
          spend: fromMicros(own.reduce((sum, { spend }) => sum + toMicros(spend), 0n)),
        };
      });
      expect(counts.days).toEqual(days);
    }),
  );
});
