import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import type { VendorSettings } from "../../settings/config.ts";

/** What makes a client one whose conversions go to Meta. */
export const metaAccount = {
  name: "meta",
  title: "Meta: conversions",
  isDestination: true,
  baseUrl: "https://graph.facebook.com",
  pace: { intervalMs: 200, concurrent: 2 },
  secrets: z.object({
    META_PIXEL_ID: z.string().min(1).meta(about("The pixel or data set, from Events Manager.")),
    META_ACCESS_TOKEN: z.string().min(1).meta(about("A token that may write to it.")),
  }),
} satisfies VendorSettings;

/**
 * The destinations that are sent personal data. Here, and not beside the rest of each, because the HTTP server asks too
 * and knows no connector: personal data of a webhook is kept for clients that deliver to one of these.
 */
export const personDestinations: readonly VendorSettings[] = [metaAccount];

/** Those of them that a client delivers to. */
export function personsGoTo(
  accounts: ReadonlyMap<string, { secrets: Record<string, string> | null }>,
  client: string,
): string[] {
  return personDestinations
    .map(({ name }) => name)
    .filter((name) => (accounts.get(`${name}/${client}`)?.secrets ?? null) !== null);
}
