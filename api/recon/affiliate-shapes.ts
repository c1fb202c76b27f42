import { z } from "zod";
import type { AffiliateRow } from "../../queries/recon/keys.ts";
import { instant, iso, storedOrigin, text } from "../server/shapes.ts";
import { id, link, linkTo, standing, toStanding } from "./shapes.ts";

export const affiliate = standing.extend({
  affiliateId: z.string(),
  name: z.string(),
  hasEmail: z.boolean(),
  hasDiscord: z.boolean().describe("whether a Discord account may submit for it; which one is never shown again"),
  keyPrefix: text.describe("the first characters of its key"),
  keyIssuedAt: instant.nullable(),
  isActive: z.boolean(),
  origin: storedOrigin,
  createdAt: instant,
  submissions: link,
  performance: link,
});
export const ofAffiliate = z.object({ id });

export function toAffiliate(row: AffiliateRow): z.infer<typeof affiliate> {
  const { affiliateId, name, hasEmail, hasDiscord, keyPrefix, isActive, origin } = row;
  return {
    affiliateId,
    name,
    hasEmail,
    hasDiscord,
    keyPrefix,
    isActive,
    origin,
    keyIssuedAt: iso(row.keyIssuedAt),
    ...toStanding(row),
    createdAt: row.createdAt.toISOString(),
    submissions: linkTo(`/affiliates/${affiliateId}/submissions`),
    performance: linkTo(`/affiliates/${affiliateId}/performance`),
  };
}
