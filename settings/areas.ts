import { alertsArea } from "./alerts.ts";
import { anytrackArea } from "./anytrack.ts";
import { apiArea } from "./api.ts";
import { assistantsArea } from "./assistants.ts";
import { clickhouseArea } from "./clickhouse.ts";
import { clustersArea } from "./clusters.ts";
import { composeArea } from "./compose.ts";
import { discordArea } from "./discord.ts";
import { filesArea } from "./files.ts";
import { generalArea, postgresArea } from "./general.ts";
import { keysArea } from "./keys.ts";
import { localStackArea } from "./local-stack.ts";
import { loginArea } from "./login.ts";
import { clientsArea } from "./reader.ts";
import { pretargetingArea } from "./pretargeting.ts";
import { promoArea } from "./promo.ts";
import { reconArea } from "./recon.ts";
import type { Area } from "./shapes.ts";
import { streamsArea } from "./streams.ts";
import { temporalArea } from "./temporal.ts";
import { thumbnailsArea } from "./thumbnails.ts";
import { workerArea } from "./worker.ts";

/** Every chapter of docs/settings.md but the vendors', which follow from the registry, and the sandbox's. */
export const areas: readonly Area[] = [
  generalArea,
  clientsArea,
  postgresArea,
  clickhouseArea,
  temporalArea,
  keysArea,
  anytrackArea,
  filesArea,
  streamsArea,
  clustersArea,
  thumbnailsArea,
  pretargetingArea,
  reconArea,
  discordArea,
  promoArea,
  workerArea,
  apiArea,
  loginArea,
  assistantsArea,
  alertsArea,
  localStackArea,
  composeArea,
];
