import { guardedBy } from "../shared/failures.ts";
import { fetchThumbnailPage } from "./fetch-thumbnail-page.ts";
import { planThumbnails, type PlanThumbnailsInput } from "./plan-thumbnails.ts";
import type { ThumbnailContext } from "./shapes.ts";

/** Pictures of creatives, where the client consents. */
export function createThumbnailActivities(context: ThumbnailContext) {
  const guarded = guardedBy(context.redact);
  return {
    planThumbnails: (input: PlanThumbnailsInput) => guarded("thumbnails", () => planThumbnails(context, input)),
    fetchThumbnailPage: (of: { client: string }) => fetchThumbnailPage(context, of),
  };
}

export type ThumbnailActivities = ReturnType<typeof createThumbnailActivities>;
