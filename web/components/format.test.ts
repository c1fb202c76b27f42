import { expect, test } from "@jest/globals";
import { renderToString } from "preact-render-to-string";
import { changeText } from "./format.tsx";
import { Counts } from "./parts.tsx";

test.each([
  [73.6, 100, "26.4 % less"],
  [159.6, 100, "59.6 % more"],
  [-24, 100, "124 % less"],
  [300, 100, "200 % more"],
  [5, 5, "the same"],
  [10000.01, 10000, "under 0.1 % more"],
  [5, 0, "new"],
  [-5, 0, "lower"],
  [20, -50, "higher"],
  [-80, -50, "lower"],
  [145, 400, "63.8 % less"],
])("%d after %d is said in a word or a sign, never both, and of no loss a share: %s", (now, before, text) => {
  expect(changeText(now, before)).toBe(text);
});

test("a count that stopped says that there is more, and shows no part that nobody counted", () => {
  const shown = (isMore: boolean, failed: number | null) =>
    renderToString(
      Counts({
        json: "/api/v1/x/totals",
        isMore,
        of: [
          ["runs", "Runs", 50_000],
          ["failed", "Failed", failed],
        ],
      }),
    );
  expect(shown(true, null)).toContain("more than 50,000");
  expect(shown(true, null)).not.toContain("Failed");
  expect(shown(false, 7)).toMatch(/Failed.*>7</);
});
