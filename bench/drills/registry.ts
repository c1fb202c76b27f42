import { postgresKills, temporalAway } from "./backfill-kills.ts";
import { canaries } from "./canaries.ts";
import { cluster } from "./cluster.ts";
import { clockSkew, hostZones } from "./clocks.ts";
import { commitCut } from "./commit-cut.ts";
import { deploy } from "./deploy.ts";
import { diskFull } from "./disk-full.ts";
import type { Drill } from "./drill.ts";
import { endedBackfill } from "./ended-backfill.ts";
import { frozenWorker } from "./frozen-worker.ts";
import { ingestKills } from "./ingest-kills.ts";
import { ingestMoments } from "./ingest-moments.ts";
import { kills } from "./kills.ts";
import { newVendor } from "./new-vendor.ts";
import { oldDatabase } from "./old-database.ts";
import { pacing } from "./pacing.ts";
import { pooled } from "./pooled.ts";
import { pretargeting } from "./pretargeting.ts";
import { promoFaults } from "./promo-faults.ts";
import { promoStorm } from "./promo-storm.ts";
import { reconAway } from "./recon-away.ts";
import { reconStorm } from "./recon-storm.ts";
import { restore } from "./restore.ts";
import { slowAnswers } from "./slow-answers.ts";
import { streams } from "./streams.ts";
import { soak } from "./soak.ts";
import { suiteDrills } from "./suite-drills.ts";
import { warehouseKills } from "./warehouse-kills.ts";
import { webhookStorm } from "./webhook-storm.ts";

/** Every drill there is: first those with servers of their own, then those of the suite. */
export const drills: readonly Drill[] = [
  kills,
  ingestKills,
  ingestMoments,
  warehouseKills,
  frozenWorker,
  temporalAway,
  reconAway,
  postgresKills,
  commitCut,
  diskFull,
  pacing,
  pooled,
  cluster,
  restore,
  slowAnswers,
  streams,
  hostZones,
  clockSkew,
  webhookStorm,
  reconStorm,
  pretargeting,
  promoStorm,
  promoFaults,
  canaries,
  deploy,
  endedBackfill,
  newVendor,
  oldDatabase,
  soak,
  ...suiteDrills,
];
