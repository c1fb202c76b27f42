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

const hour = 3_600_000;

/** How patient reconciliation is. Problems are added to the list. */
export function readReconSettings(env: Record<string, string>, problems: string[]): ReconSettings {
  const number = (name: string, otherwise: number, least: number) => {
    const text = env[name];
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (Number.isInteger(value) && value >= least) return value;
    problems.push(`${name}: must be a whole number, at least ${least}`);
    return otherwise;
  };
  return {
    giveUpDays: number("RECON_GIVE_UP_DAYS", 14, 1),
    firstWaitMs: number("RECON_FIRST_WAIT_MS", 15_000, 1),
    longestWaitMs: number("RECON_LONGEST_WAIT_MS", 6 * hour, 1),
    sweepQuietMs: number("RECON_SWEEP_QUIET_MS", 30_000, 0),
    evidenceDays: number("RECON_EVIDENCE_DAYS", 90, 1),
  };
}
