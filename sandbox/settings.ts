import { z } from "zod";
import { about } from "../core/about-setting.ts";
import { isCivilDay } from "./civil-day.ts";

const forTests = { forTests: true } as const;

/** What can be set of the sandbox, beside where it listens. */
export const sandboxSettings = z.object({
  SANDBOX_TODAY: z
    .string()
    .refine(isCivilDay, "expected a day such as 2025-12-18")
    .optional()
    .meta(about("The last day that has data.", { ...forTests, unset: "the real day", example: "2025-12-18" })),
  SANDBOX_NOW: z.iso
    .datetime({ offset: true })
    .optional()
    .meta(
      about("The instant at which the sandbox's clock stands still.", {
        ...forTests,
        unset: "the real time",
        example: "2025-12-18T15:30:00-05:00",
      }),
    ),
  SANDBOX_INSTANT: z
    .enum(["on", "off"])
    .default("off")
    .meta(about("on, for measuring: no limits of any vendor, and every post has its numbers at once.", forTests)),
  DISCORD_DEMO_PRIVATE_KEY: z
    .base64()
    .optional()
    .meta(
      about("Signs the sandbox's Discord interactions; its public half is DISCORD_PUBLIC_KEY.", {
        ...forTests,
        secret: true,
        unset: "`npm start` makes one",
      }),
    ),
  GOOGLE_DEMO_PRIVATE_KEY: z
    .base64()
    .optional()
    .meta(
      about("The key of the service accounts that the sandbox's Authorized Buyers knows.", {
        ...forTests,
        secret: true,
        unset: "`npm start` makes one",
      }),
    ),
});

/** SANDBOX_REDTRACK_LIMITS and the like, one for each vendor. */
export const limitsSetting = (vendor: string) => `SANDBOX_${vendor.toUpperCase().replaceAll("-", "_")}_LIMITS`;

/** All vendors' limits, as they are documented. */
export function limitsShape(vendors: readonly string[]): z.ZodObject {
  const limits = z
    .string()
    .optional()
    .meta(
      about(
        "Its limits, in place of the vendor's: none, or parts such as 20/minute, 2/second, 100/10s, none/second, twice (some calls count double), once.",
        { ...forTests, unset: "the vendor's own", example: "20/minute,2/second,twice" },
      ),
    );
  return z.object(Object.fromEntries(vendors.map((vendor) => [limitsSetting(vendor), limits])));
}
