import { closeReconRun, noteRunFailures } from "../../queries/recon/runs.ts";
import { guardedBy } from "../shared/failures.ts";
import { withHeartbeat } from "../shared/with-heartbeat.ts";
import { checkToken, planTokenCheck, type TokenOffer } from "./check-token.ts";
import type { ReconContext } from "./context.ts";
import { fetchNumbers, planFetch, type FetchPostInput } from "./fetch-numbers.ts";
import { findPending } from "./find-pending.ts";
import { noteStopped } from "./note-stopped.ts";
import { planMany, readPage, type ReconcileManyInput } from "./plan-many.ts";
import { planReconciliation, type ReconcileInput } from "./plan-reconciliation.ts";
import { reconcile } from "./reconcile.ts";

/** Judging reports: a platform asked, a claim compared, all of it written down once. */
export function createReconcileActivities(context: ReconContext) {
  const { database, redact } = context;
  const guarded = guardedBy(redact);
  return {
    planReconciliation: (input: ReconcileInput) => guarded("reconciliation", () => planReconciliation(context, input)),
    reconcile: (of: Parameters<typeof reconcile>[1]) =>
      withHeartbeat({ place: `report ${of.reportId}`, redact }, () => reconcile(context, of)),
    noteStopped: (stop: Parameters<typeof noteStopped>[1]) =>
      guarded(`report ${stop.reportId}`, () => noteStopped(context, stop)),
    findPending: (batch: { limit: number }) => guarded("sweep", () => findPending(context, batch)),
    planMany: (input: ReconcileManyInput) => guarded("reconciliation", () => planMany(context, input)),
    readPage: (of: Parameters<typeof readPage>[1]) => guarded(`run ${of.runId}`, () => readPage(context, of)),
    noteFailures: (of: Parameters<typeof noteRunFailures>[1]) =>
      guarded(`run ${of.runId}`, () => noteRunFailures(database, of)),
    closeReconciliation: (run: Parameters<typeof closeReconRun>[1]) =>
      guarded(`run ${run.runId}`, () => closeReconRun(database, run)),
    planFetch: (input: FetchPostInput) => guarded("fetch", () => planFetch(context, input)),
    fetchNumbers: (of: FetchPostInput) =>
      withHeartbeat({ place: `${of.platform} post ${of.postId}`, redact }, () => fetchNumbers(context, of)),
    planTokenCheck: (input: TokenOffer) => guarded("token", () => planTokenCheck(input)),
    checkToken: (offer: TokenOffer) =>
      withHeartbeat({ place: `${offer.platform} token of affiliate ${offer.affiliateId}`, redact }, () =>
        checkToken(context, offer),
      ),
  };
}

/** What workflows may call. */
export type ReconcileActivities = ReturnType<typeof createReconcileActivities>;
