import { continueAsNew, proxyActivities, setCurrentDetails, workflowInfo } from "@temporalio/workflow";
import type { ThumbnailActivities } from "../../activities/rtb/thumbnail-activities.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";
import { vendorQueue } from "../shared/queues.ts";

export interface FetchedThumbnails {
  client: string;
  consents: boolean;
  stored: number;
  /** What is there is no picture that is shown. */
  refused: number;
  /** Are tried again tomorrow. */
  failed: number;
  deleted: number;
}

type Carried = Pick<FetchedThumbnails, "stored" | "refused" | "failed" | "deleted">;

const retry = { initialInterval: "1 second", backoffCoefficient: 2, maximumInterval: "60 seconds" } as const;
const records = () =>
  proxyActivities<ThumbnailActivities>({ startToCloseTimeout: "5 minutes", scheduleToCloseTimeout: "6 hours", retry });
/** Pictures lie with hosts that nobody knows: they are asked for where the exchange is, and the main queue goes on. */
const atHosts = (vendor: string) =>
  proxyActivities<ThumbnailActivities>({
    taskQueue: vendorQueue(vendor),
    startToCloseTimeout: "30 minutes",
    scheduleToCloseTimeout: "6 hours",
    heartbeatTimeout: "12 seconds",
    retry,
  });

/** Fetches the pictures that the exchange names for a client's creatives, if the client consents, page by page. */
export async function fetchThumbnails(input: { client?: string; carried?: Carried } = {}): Promise<FetchedThumbnails> {
  const { client, consents, deleted, vendor } = await records().planThumbnails({ input }).catch(planFailure);
  note([{ key: clientIdKey, value: client }]);
  const sum: Carried = input.carried ?? { stored: 0, refused: 0, failed: 0, deleted: 0 };
  sum.deleted += deleted;
  for (let goesOn = consents; goesOn;) {
    const page = await atHosts(vendor).fetchThumbnailPage.executeWithOptions({ summary: `client ${client}` }, [
      { client },
    ]);
    for (const what of ["stored", "refused", "failed"] as const) sum[what] += page[what];
    ({ goesOn } = page);
    setCurrentDetails(describe({ client, consents, ...sum }));
    if (goesOn && workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof fetchThumbnails>({ client, carried: sum });
  }
  const fetched = { client, consents, ...sum };
  setCurrentDetails(describe(fetched));
  return fetched;
}

function describe({ client, consents, stored, refused, failed, deleted }: FetchedThumbnails): string {
  const gone = deleted === 0 ? "" : ` ${deleted} that may not be kept were deleted.`;
  if (!consents) return `Client ${client} does not consent (THUMBNAIL_CONSENT): nothing was fetched.${gone}`;
  return `Client ${client}: ${stored} pictures fetched, ${refused} refused, ${failed} failed.${gone}`;
}
