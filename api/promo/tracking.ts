import type { Api, ServerParts } from "../server/parts.ts";
import { withinMs } from "../../core/deadline.ts";
import { createCounting } from "./counting/counting.ts";
import { promoRoutes } from "./promo.ts";
import { redirectRoutes } from "./redirect.ts";
import { trackRoutes } from "./track.ts";

const startPatienceMs = 2_000;

/**
 * What is shown and clicked, and what of it there is. Both ways in share one counter, which outlives the database's absence
 * and not the server.
 */
export async function trackingRoutes(api: Api, parts: ServerParts): Promise<void> {
  const counting = createCounting(parts);
  // Only a process that has connections of its own for it looks for what others left behind.
  if (parts.counting !== undefined) {
    counting.counter.start();
    // Those who come first do not wait for what the database is asked here, and neither does the start for a database that is away.
    const known = Promise.all([counting.hashes.lookAfter(), counting.catalog.start()]);
    await withinMs(startPatienceMs, known).catch(() => undefined);
  }
  api.addHook("onClose", async () => {
    counting.catalog.stop();
    await counting.counter.stop();
    await counting.refusals.flush();
  });
  await api.register(
    async (scope) => {
      // Whoever made or changed an offer may send its link at once, and the database may be away the moment after.
      scope.addHook("onSend", async ({ method }, { statusCode }) => {
        if (method !== "GET" && statusCode < 300) await counting.catalog.learn();
      });
      promoRoutes(scope as Api, parts);
    },
    { prefix: "/api/v1/promo" },
  );
  await api.register(async (scope) => trackRoutes(scope as Api, parts, counting), { prefix: "/api/v1/promo" });
  await api.register(async (scope) => redirectRoutes(scope as Api, parts, counting), { prefix: "/r" });
}
