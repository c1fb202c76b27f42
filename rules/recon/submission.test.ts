import { expect, test } from "@jest/globals";
import { readPostUrl } from "../../connectors/platforms/addresses.ts";
import { readSubmission, SubmissionRefused, type Submission } from "./submission.ts";

const now = new Date("2025-12-18T12:00:00Z");
const submission: Submission = {
  client: "713",
  affiliateId: "4",
  campaignId: "7",
  platform: "reddit",
  post: readPostUrl("reddit", "https://www.reddit.com/r/deals/comments/1abcde/a_post/"),
  claimed: { views: 100, clicks: 10, conversions: 1 },
  evidence: null,
  method: "API",
  idempotencyKey: null,
};
const keyOf = (changed: Partial<Submission>) => readSubmission({ ...submission, ...changed }, now).submissionKey;

function problemOf(changed: Partial<Submission>): unknown {
  try {
    readSubmission({ ...submission, ...changed }, now);
    return null;
  } catch (error) {
    if (!(error instanceof SubmissionRefused)) throw error;
    return { code: error.code, field: error.field };
  }
}

test("the same submission is known again whatever the order of its fields, and another one is not", () => {
  const evidence = { seen: [1, { b: 2, a: 1 }], note: "x" };
  const turned = { note: "x", seen: [1, { a: 1, b: 2 }] };
  expect(keyOf({ evidence: turned })).toBe(keyOf({ evidence }));
  expect(keyOf({ evidence: { ...turned, seen: [{ a: 1, b: 2 }, 1] } })).not.toBe(keyOf({ evidence }));
  expect(keyOf({ claimed: { views: 101, clicks: 10, conversions: 1 } })).not.toBe(keyOf({}));
});

test("a sender's key is known again and not kept", () => {
  const key = keyOf({ idempotencyKey: "jane@example.com" });
  expect(keyOf({ idempotencyKey: "jane@example.com", title: "another" })).toBe(key);
  expect(key).not.toContain("jane");
});

test("what does not hold together is refused with the field to correct", () => {
  const nested = Array.from({ length: 40 }).reduce<unknown>((inside) => [inside], 1);
  expect(problemOf({})).toBeNull();
  expect(problemOf({ affiliateId: "x" })).toEqual({ code: "not_found", field: "affiliateId" });
  expect(problemOf({ claimed: { views: -1, clicks: 0, conversions: 0 } })).toMatchObject({ field: "claimed.views" });
  expect(problemOf({ title: "a\0b" })).toMatchObject({ field: "title" });
  expect(problemOf({ postedAt: "yesterday" })).toMatchObject({ field: "postedAt" });
  expect(problemOf({ postedAt: "2026-02-01T00:00:00Z" })).toMatchObject({ field: "postedAt" });
  expect(problemOf({ evidence: nested })).toMatchObject({ field: "evidence" });
  expect(problemOf({ evidence: "x".repeat(70_000) })).toMatchObject({ field: "evidence" });
  for (const image of ["data:image/png;base64,AAAA", "see data:image/svg+xml,<svg>", "iVBORw0KGgo" + "A".repeat(60)])
    expect(problemOf({ evidence: { proof: [image] } })).toMatchObject({ field: "evidence" });
  expect(problemOf({ evidence: "the image is at https://x.example/a.png" })).toBeNull();
});
