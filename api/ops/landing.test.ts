import { expect, test } from "@jest/globals";
import { failingSources, type Health } from "./health.ts";
import { landingPage } from "./landing.ts";

const well: Health = {
  postgres: { reachable: true, latencyMs: 1 },
  temporal: { reachable: true, latencyMs: 1 },
  late: [],
  failing: [],
  alerts: { critical: 0, warning: 0, info: 0 },
};

/** The state of a line and what it says. */
function line(health: Partial<Health>, name: string): string {
  const page = landingPage({ ...well, ...health }, { temporalUi: null });
  const found = new RegExp(`<li class="(\\w+)"><b>${name}</b> <span>([^<]*)`).exec(page);
  return `${found?.[1]}: ${found?.[2]}`;
}

test("nothing is called read while a key is refused or a run has failed", () => {
  expect(line({}, "Sources")).toBe("good: all read when they should be");
  const failing = failingSources([
    { client: "713", kind: "run_failed", subject: "redtrack.daily_spend" },
    { client: "713", kind: "credentials_rejected", subject: "redtrack.daily_spend" },
    { client: "acme", kind: "run_failed", subject: "everflow.daily_stats" },
    { client: "713", kind: "unreconciled", subject: "redtrack.daily_spend 2025-12-18" },
  ]);
  expect(line({ failing }, "Sources")).toBe(
    "bad: key refused: redtrack.daily_spend (713); failed: everflow.daily_stats (acme)",
  );
  const late = [
    { client: "713", source: "redtrack.daily_spend", reason: "" },
    { client: "713", source: "everflow.daily_stats", reason: "" },
  ];
  expect(line({ failing, late }, "Sources")).toMatch(/; late: everflow.daily_stats \(713\)$/);
  expect(line({ late: null, failing: null }, "Sources")).toBe("unknown: unknown while Postgres is away");
});

test("a warning does not look like a critical alert", () => {
  expect(line({ alerts: { critical: 0, warning: 2, info: 1 } }, "Alerts")).toBe("warning: open: 2 warning, 1 info");
  expect(line({ alerts: { critical: 1, warning: 2, info: 0 } }, "Alerts")).toBe("bad: open: 1 critical, 2 warning");
  expect(line({ alerts: { critical: 0, warning: 0, info: 1 } }, "Alerts")).toBe("good: open: 1 info");
});
