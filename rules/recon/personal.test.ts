import { expect, test } from "@jest/globals";
import { withoutPersons } from "./personal.ts";

test.each([
  ["write to Jane.Doe+x@mail.example.co.uk, please", "write to [e-mail], please"],
  ["I am @jane_doe, u/jane-doe and jane#1234", "I am [handle], [handle] and [handle]"],
  ["call +49 (170) 123-45 67 or 030/1234567", "call [number] or [number]"],
  ["see https://x.example/p/1?email=jane#me now", "see https://x.example/p/1 now"],
  ["your numbers are old: 15044 views, not 1204", "your numbers are old: 15044 views, not 1204"],
  ["r/deals, 12.5 % and 3/4 of it, a#1", "r/deals, 12.5 % and 3/4 of it, a#1"],
])("%s is kept as %s", (text, kept) => expect(withoutPersons(text)).toBe(kept));
