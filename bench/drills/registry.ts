import { postgresKills, temporalAway } from "./backfill-kills.ts";
import type { Drill } from "./drill.ts";
import { ingestKills } from "./ingest-kills.ts";
import { pacing } from "./pacing.ts";
import { reconAway } from "./recon-away.ts";
import { reconStorm } from "./recon-storm.ts";
import { webhookStorm } from "./webhook-storm.ts";

/** Every drill there is, in the order of the rows. */
export const drills: readonly Drill[] = [
  ingestKills,
  temporalAway,
  reconAway,
  postgresKills,
  pacing,
  webhookStorm,
  reconStorm,
];
