import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, wholeNumber } from "./shapes.ts";

export const reconArea = defineArea({
  title: "Affiliate reconciliation",
  needs: "worker",
  shape: z.object({
    RECON_GIVE_UP_DAYS: wholeNumber(1)
      .default(14)
      .meta(about("When a platform has no numbers of a post by then, the claim cannot be checked.", { unit: "days" })),
    RECON_FIRST_WAIT_MS: wholeNumber(1)
      .default(15_000)
      .meta(
        about("A platform without numbers is asked again after this wait, which doubles each time.", { unit: "ms" }),
      ),
    RECON_LONGEST_WAIT_MS: wholeNumber(1)
      .default(21_600_000)
      .meta(about("The longest such wait.", { unit: "ms" })),
    RECON_SWEEP_QUIET_MS: wholeNumber(0)
      .default(30_000)
      .meta(about("The sweep starts a report that has not changed for this long.", { unit: "ms" })),
    RECON_EVIDENCE_DAYS: wholeNumber(1)
      .default(90)
      .meta(about("Evidence of a claim is sealed, and deleted after this.", { unit: "days" })),
  }),
});

/** How patient reconciliation is. */
export interface ReconSettings {
  /** A platform that has no numbers of a post by then will have none: the claim cannot be checked. */
  giveUpDays: number;
  /** The first wait for a platform, and the longest. */
  firstWaitMs: number;
  longestWaitMs: number;
  /** The sweep looks for reports that have not changed for this long. */
  sweepQuietMs: number;
  /** Evidence of a claim is deleted after this. */
  evidenceDays: number;
}

export function readReconSettings(reader: SettingsReader): ReconSettings {
  const values = reader.values(reconArea.shape);
  return {
    giveUpDays: values.RECON_GIVE_UP_DAYS,
    firstWaitMs: values.RECON_FIRST_WAIT_MS,
    longestWaitMs: values.RECON_LONGEST_WAIT_MS,
    sweepQuietMs: values.RECON_SWEEP_QUIET_MS,
    evidenceDays: values.RECON_EVIDENCE_DAYS,
  };
}
