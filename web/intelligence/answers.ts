import type { z } from "zod";
import type { found, opportunity, score, scored } from "../../api/intelligence/opportunity-shapes.ts";
import type { last, totals } from "../../api/intelligence/opportunities.ts";

/** What the JSON routes answer. */
export type Opportunity = z.infer<typeof opportunity>;
export type OpportunityDetails = z.infer<typeof found>;
export type OpportunityTotals = z.infer<typeof totals>;
export type LastSearch = z.infer<typeof last>;
export type Scored = z.infer<typeof scored>;
export type Score = z.infer<typeof score>;

export const opportunities = "/api/v1/rtb/opportunities";
