import type { WorkflowHandle } from "@temporalio/client";
import { googleAccount } from "./google-account.ts";
import { startStack, uniqueId } from "./stack.ts";

/** Records seats being discovered and their creatives being read, twice where one is missing. */
export async function recordSeats(keep: (name: string, handle: WorkflowHandle) => Promise<void>): Promise<void> {
  const { key, known } = googleAccount();
  const stack = await startStack({ AUTHORIZED_BUYERS_KEY: key, THUMBNAIL_CONSENT: "on", THUMBNAIL_INTERVAL_MS: "0" });
  const mock = (what: string, body: object) => stack.control("POST", `/authorized_buyers/${what}`, body);
  const run = async (name: string, type: string, input: object) => {
    const handle = await stack.start(type, uniqueId(type), input);
    await handle.result();
    await keep(name, handle);
  };
  try {
    await mock("service-accounts", known);
    await run("discover-seats", "discoverSeats", { client: "713" });
    await mock("page-size", { rows: 200 });
    await run("sync-creatives", "syncCreatives", { client: "713" });
    await run("fetch-thumbnails", "fetchThumbnails", { client: "713" });
    const [one] = await stack.rows<{ buyerId: string; creativeId: string }>(
      `select buyer_id as "buyerId", creative_id as "creativeId" from rtb.creatives order by 1, 2 limit 1`,
    );
    if (one === undefined) throw new Error("no creative was listed");
    await mock("vanish", one);
    await run("sync-creatives-read-again", "syncCreatives", { client: "713", buyerId: one.buyerId });
  } finally {
    await stack.stop();
  }
}
