import { proxyActivities, proxyLocalActivities, setCurrentDetails } from "@temporalio/workflow";
import type { TokenChecked, TokenOffer } from "../../activities/recon/check-token.ts";
import type { ReconcileActivities } from "../../activities/recon/reconcile-activities.ts";
import { vendorQueue } from "../shared/queues.ts";
import { planFailure } from "../shared/failures.ts";

const { planTokenCheck } = proxyLocalActivities<ReconcileActivities>({
  startToCloseTimeout: "10 seconds",
  scheduleToCloseTimeout: "10 minutes",
  retry: { initialInterval: "200 milliseconds", maximumInterval: "30 seconds" },
});

/** Tries an affiliate's token at its platform, before it is used. */
export async function checkAffiliateToken(input: TokenOffer): Promise<TokenChecked> {
  const { vendor } = await planTokenCheck({ ...input }).catch(planFailure);
  const { checkToken } = proxyActivities<ReconcileActivities>({
    taskQueue: vendorQueue(vendor),
    startToCloseTimeout: "2 minutes",
    scheduleToCloseTimeout: "1 day",
    heartbeatTimeout: "12 seconds",
    retry: { initialInterval: "1 second", maximumInterval: "5 minutes" },
  });
  const checked = await checkToken
    .executeWithOptions({ summary: `${input.platform}, affiliate ${input.affiliateId}` }, [input])
    .catch(planFailure);
  setCurrentDetails(checked.works ? "the token works" : `**refused**: ${checked.reason}`);
  return checked;
}
