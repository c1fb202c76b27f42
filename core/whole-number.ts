import { z } from "zod";

const digits = /^(?:0|[1-9]\d{0,15})$/;

/**
 * A whole number out of an address, a form, a command line or a body. As text it has one notation, so that no two addresses
 * lead to the same thing: not `5e0`, `0x5`, ` 5` or `05`, all of which JavaScript reads as 5.
 */
export function wholeNumber({ least = 1, most = Number.MAX_SAFE_INTEGER } = {}) {
  return z.preprocess(
    (given) => (typeof given === "string" && digits.test(given) ? Number(given) : given),
    z
      .number({ error: "must be a whole number, in digits alone" })
      .int("must be a whole number")
      .min(least, `must be at least ${least}`)
      .max(most, `must be at most ${most}`),
  );
}
