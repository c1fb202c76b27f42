import { z } from "zod";
import type { VendorSettings } from "../../settings/config.ts";

/**
 * What makes a client one that is delivered to at Meta. Here, and not beside the rest of that destination, because the
 * HTTP server asks too: personal data of a webhook is kept for such clients only.
 */
export const metaAccount = {
  name: "meta",
  baseUrl: "https://graph.facebook.com",
  pace: { intervalMs: 200, concurrent: 2 },
  secrets: z.object({ META_PIXEL_ID: z.string().min(1), META_ACCESS_TOKEN: z.string().min(1) }),
} satisfies VendorSettings;
