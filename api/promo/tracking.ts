import type { Api, ServerParts } from "../server/parts.ts";
import { withinMs } from "../../core/deadline.ts";
import { createCounting } from "./counting/counting.ts";
import { redirectRoutes } from "./redirect.ts";
import { trackRoutes } from "./track.ts";

const startPatienceMs = 2_000;

/** What is shown and clicked. Both ways in share one counter, which outlives the database's absence and not the server. */
export async function trackingRoutes(api: Api, parts: ServerParts): Promise<void> {
  const counting = createCounting(parts);
  // Only a process that has connections of its own for it looks for what others left behind.
  if (parts.counting !== undefined) {
    counting.counter.start();
    // Those who come first do not wait for what the database is asked here, and neither does the start for a database that is away.
    const known = Promise.all([counting.hashes.lookAfter(), counting.catalog.touch()]);
    await withinMs(startPatienceMs, known).catch(() => undefined);
  }
  api.addHook("onClose", async () => {
    await counting.counter.stop();
    await counting.refusals.flush();
  });
  await api.register(async (scope) => trackRoutes(scope as Api, parts, counting), { prefix: "/api/v1/promo" });
  await api.register(async (scope) => redirectRoutes(scope as Api, parts, counting), { prefix: "/r" });
}
